"""`laurel init program` says which programs are shipped."""

from contextlib import redirect_stdout
from io import StringIO

import pytest

from libs.cli import main
from libs.common.program import preset_names


def test_its_help_names_every_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    with redirect_stdout(StringIO()) as told, pytest.raises(SystemExit):
        main.run(["init", "program", "--help"])

    assert [name for name in preset_names() if name not in told.getvalue()] == []
