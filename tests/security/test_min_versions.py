"""What is installed, and what the lock would install, is not older than the advisories allow."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = tomllib.loads((Path(__file__).parent / "min_versions.toml").read_text())
HELD: dict[str, str] = {name: row["version"] for name, row in TABLE["packages"].items()}
IF_INSTALLED: dict[str, str] = {name: row["version"] for name, row in TABLE["if_installed"].items()}
LOCKED = dict(
    re.findall(r"^([a-z0-9_.-]+)==([^\s;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
)


def release(text: str) -> tuple[int, ...]:
    """The numbers of a release, without what marks a rebuild of it."""
    numbers = re.match(r"\d+(\.\d+)*", text)
    assert numbers is not None, text
    return tuple(map(int, numbers[0].split(".")))


@pytest.mark.parametrize("name", HELD)
def test_what_is_installed_is_not_older_than_the_advisories_allow(name: str) -> None:
    assert release(version(name)) >= release(HELD[name])


@pytest.mark.parametrize("name", HELD)
def test_what_is_locked_is_not_older_than_the_advisories_allow(name: str) -> None:
    assert release(LOCKED[name]) >= release(HELD[name])


@pytest.mark.parametrize("name", IF_INSTALLED)
def test_what_we_do_not_use_is_absent_or_new_enough(name: str) -> None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        assert name not in LOCKED
        return
    assert release(installed) >= release(IF_INSTALLED[name])


def test_an_older_release_is_older_whatever_its_digits_look_like() -> None:
    assert release("9.1.2.post2") >= release("9.0.2")
    assert release("0.99.0") < release("0.315.7")
