"""The code as a whole: what holds for every module, whoever adds one."""

import ast
from pathlib import Path

import pytest

from tests.contracts.code import ROOT, imports_of, paths_in, tree


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*paths_in("services"), *paths_in("libs")], ids=name_of)
def test_every_module_opens_with_one_line_that_says_what_it_is_for(path: Path) -> None:
    first, *more = (ast.get_docstring(tree(path)) or "").splitlines()

    assert first.endswith((".", "?"))
    assert not more or not more[0]  # what needs more words has them after an empty line


def test_no_module_is_named_after_nothing_in_particular() -> None:
    nothing = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "misc", "tools"}
    paths = [*paths_in("services"), *paths_in("libs"), *paths_in("tests")]

    assert [name_of(path) for path in paths if path.stem in nothing or path.parent.name in nothing] == []


@pytest.mark.parametrize("path", paths_in("libs/common"), ids=name_of)
def test_what_all_services_share_knows_no_area(path: Path) -> None:
    areas = {each for each in imports_of(path) if each.startswith(("services", "laurel."))}

    assert {each for each in areas if not each.startswith("laurel.common.")} == set()
