"""The data folder: what a Laurel before this one has left is not taken for its own."""

from pathlib import Path

import pytest

from libs.cli.data_folder import FORMAT, DataFolder
from libs.cli.errors import CommandError


def test_a_new_folder_gets_our_format_and_is_ours_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    folder.prepare()
    folder.database.mkdir()
    folder.prepare()

    assert (tmp_path / "format").read_text() == f"{FORMAT}\n"


@pytest.mark.parametrize("format_", [None, "1", "9"], ids=["before there was any", "older", "newer"])
def test_data_of_another_format_is_refused_before_anything_is_touched(
    tmp_path: Path, format_: str | None
) -> None:
    folder = DataFolder(tmp_path)
    folder.database.mkdir()
    if format_ is not None:
        (tmp_path / "format").write_text(format_)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(CommandError, match="--data-dir"):
        folder.prepare()

    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_half_restored_is_not_started(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)

    with pytest.raises(KeyboardInterrupt), folder.being_restored():
        raise KeyboardInterrupt

    with pytest.raises(CommandError, match="laurel restore"):
        folder.require_restored()
    with folder.being_restored():
        pass
    folder.require_restored()
