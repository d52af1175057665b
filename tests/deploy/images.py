"""The images as their Dockerfiles say them: what is copied, what is installed, and what is started."""

import csv
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

import yaml

from tests.contracts.code import ROOT

IMAGES = {
    name: ROOT / "services" / name / "Dockerfile" for name in ("members", "scoring", "benefits", "risk")
}
IMAGES |= {"gateway": ROOT / "services/gateway/Dockerfile", "cli": ROOT / "libs/cli/Dockerfile"}
IMAGES |= {"spark": ROOT / "deploy/spark/Dockerfile"}
LOCKS = ROOT / "deploy" / "locks"


@dataclass
class Stage:
    """One stage of a Dockerfile."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """What follows each instruction of this name."""
        return [rest for each, rest in self.instructions if each == name]

    def one(self, name: str) -> str:
        """What follows the only instruction of this name."""
        (rest,) = self.all(name)
        return rest

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        pairs = (pair for rest in self.all("ENV") for pair in shlex.split(rest))
        return dict(pair.split("=", 1) for pair in pairs)


@dataclass
class Image:
    """A Dockerfile of two stages: what is built, and what of it is shipped."""

    arguments: list[str]
    built: Stage
    shipped: Stage

    @property
    def lock(self) -> Path:
        """The packages that are installed."""
        (lock,) = (source for source, _ in self.copies if source.endswith(".lock"))
        return ROOT / lock

    @property
    def copies(self) -> list[tuple[str, str]]:
        """What is copied from the repository, and to where."""
        pairs = (tuple(rest.split()) for rest in self.built.all("COPY"))
        return [(source, target) for source, target in pairs]

    @property
    def entry(self) -> list[str]:
        """What is started."""
        entry: list[str] = yaml.safe_load(self.shipped.one("ENTRYPOINT"))
        return entry


@cache
def image(name: str) -> Image:
    """The image of this name."""
    text = re.sub(r"\\\n", " ", IMAGES[name].read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines)]
    arguments = [rest for word, rest in pairs if word == "ARG"]
    stages: list[Stage] = []
    for word, rest in pairs:
        if word == "FROM":
            stages.append(Stage(rest))
        elif stages:
            stages[-1].instructions.append((word, rest))
    built, shipped = stages
    return Image(arguments, built, shipped)


def pins(lock: Path) -> dict[str, str]:
    """The packages that a lock pins, with their versions."""
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


def lay_out(image: Image, folder: Path) -> dict[str, str]:
    """Copy what an image copies, and nothing else, into an empty folder; gives the environment to run it in.

    Of the packages that are installed here it finds those that its lock pins,
    linked once for all images of the same lock that are laid out beside it.
    """
    for source, target in image.copies:
        if target.startswith("/app/"):
            _copy(ROOT / source, folder / target.removeprefix("/"))
    site = folder.parent / f"site-{image.lock.parent.name}-{image.lock.stem}"
    if not site.exists():
        _link(pins(image.lock), site)
    environment = {
        name: value.replace("/app", f"{folder}/app") for name, value in image.shipped.environment.items()
    }
    environment["PYTHONPATH"] += f":{site}"
    return environment


def _copy(source: Path, target: Path) -> None:
    files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
    for file in files:
        if not _is_ignored(file):
            copied = target if source.is_file() else target / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(file.read_bytes())


def _is_ignored(file: Path) -> bool:
    """Whether .dockerignore keeps a file from the build; its last lines are patterns for any folder."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    names = [pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")]
    return any(part.match(name) for name in names for part in (file, *file.parents))


def _link(names: Iterable[str], site: Path) -> None:
    """Put the files of installed packages where they alone are found.

    A folder that one of them has alone is linked whole; a namespace, such as
    `google`, file by file, as other packages than these may be in it.
    """
    packages = {name: distribution(name) for name in names}
    files = [(name, row[0]) for name in packages for row in csv.reader(_record(packages[name]))]
    owners: dict[str, set[str]] = defaultdict(set)
    for name, file in files:
        owners[file.partition("/")[0]].add(name)
    for name, file in files:
        top = file.partition("/")[0]
        if top != ".." and "__pycache__" not in file:
            installed = str(packages[name].locate_file(""))
            _link_one(installed, top if len(owners[top]) == 1 else file, str(site))


def _record(package: Distribution) -> list[str]:
    return (package.read_text("RECORD") or "").splitlines()


def _link_one(installed: str, name: str, site: str) -> None:
    target = os.path.join(site, name)
    if not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.path.join(installed, name), target)
