"""What is remembered of scores or facts in a folder, so that an interrupted run goes on where it was."""

import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ValidationError

from libs.cli.data_folder import write_whole
from libs.cli.errors import CommandError

LAYOUT = 2  # of the files; another one needs another folder
MANIFEST = "manifest.json"

# How many members have each label, by score.
Labels = Mapping[str, Mapping[str, int]]


class Part(BaseModel):
    """Members above one id and up to another, which is none when empty.

    When scored, what came out: how many have each label, by score.
    """

    after: str
    through: str
    file: str
    bytes_count: int = -1
    members: int = 0
    labels: dict[str, dict[str, int]] = {}


class Manifest(BaseModel):
    """What a folder holds the scores of, or, where it names some, the facts."""

    layout: int = LAYOUT
    program_id: str
    program_version: int
    program_digest: str
    as_of: date
    # By the name of their columns.
    models: dict[str, str] = {}
    # Of an export.
    facts: list[str] = []
    # Of an export to train on: the horizon, and days after `as_of` by which what came is in it, too.
    horizon_days: int = 0
    ends: list[int] = []
    parts: list[Part]

    @property
    def holds(self) -> str:
        """What is in the files."""
        if not self.facts:
            return "scores"
        horizon = f" with a horizon of {self.horizon_days} days" if self.horizon_days else ""
        return f"{len(self.facts)} facts{horizon}{' and what came in it' if self.ends else ''}"

    def told(self) -> str:
        """Whose scores or facts they are, for people."""
        by_models = f", by {', '.join(sorted(self.models.values()))}" if self.models else ""
        return f"{self.program_id} version {self.program_version} as of {self.as_of}{by_models}"

    def is_of(self, other: "Manifest") -> bool:
        """Whether both are of the same document and day, by the same models or of the same facts."""
        return self.model_copy(update={"parts": [], "program_version": other.program_version}) == (
            other.model_copy(update={"parts": []})
        )


def parts_between(ends: Sequence[str], kind: str = "csv") -> list[Part]:
    """The parts that these members are the last of, and the one beyond, each in a file of this kind."""
    bounds = ["", *ends, ""]
    return [
        Part(after=after, through=through, file=f"part-{number:04}.{kind}")
        for number, (after, through) in enumerate(pairwise(bounds), start=1)
    ]


class ScoreRun:
    """The scores or facts in a folder, a part at a time."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest

    def is_done(self, part: Part) -> bool:
        """Whether the file of a part is there, as long as it was written."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / part.file).stat().st_size == part.bytes_count
        return False

    def waiting(self) -> list[Part]:
        """The parts that are still to be scored."""
        return [part for part in self.manifest.parts if not self.is_done(part)]

    def keep(self, part: Part, fresh: Path, *, members: int, labels: Labels) -> None:
        """Put the written file of a part in its place, then say that it is there."""
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        part.bytes_count, part.members, part.labels = (
            fresh.stat().st_size,
            members,
            {name: dict(counted) for name, counted in labels.items()},
        )
        fresh.replace(self.folder / part.file)
        self.save()

    def save(self) -> None:
        """Write the manifest, readable whole at any moment."""
        write_whole(self.folder / MANIFEST, self.manifest.model_dump_json(indent=1))

    def members(self) -> int:
        """Members in the parts that are done."""
        return sum(part.members for part in self.manifest.parts if self.is_done(part))

    def labels(self) -> dict[str, Counter[str]]:
        """How many members have each label, by score; those without a score have none."""
        found: dict[str, Counter[str]] = {}
        for part in self.manifest.parts:
            for name, counted in part.labels.items():
                found.setdefault(name, Counter()).update(counted)
        return found


@contextlib.contextmanager
def opened(folder: Path, asked: Manifest) -> Iterator[ScoreRun]:
    """The run of a folder, for one command at a time: what is there, if it is of the same, or a new one.

    A new one has no parts yet, and is not saved.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"Another command writes to {folder}: wait for it.") from None
        before = _manifest(folder)
        if before is not None and not before.is_of(asked):
            raise CommandError(
                f"{folder} holds {before.holds} of {before.told()}; "
                f"these would be {asked.holds} of {asked.told()}.\n"
                "Choose another folder with --out, or remove that one. To go on with what it holds, "
                f"say --as-of {before.as_of}, while that version is live and the same models serve."
            )
        yield ScoreRun(folder, before or asked)


def _manifest(folder: Path) -> Manifest | None:
    """What a folder holds; None for one that is new, CommandError for one that is somebody else's."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        others = [each.name for each in folder.iterdir() if each.name != "lock"]
        if others:
            raise CommandError(
                f"{folder} is no folder of such files, and not empty: choose another with --out."
            ) from None
        return None
    except ValidationError as error:
        raise CommandError(
            f"{folder / MANIFEST} cannot be read: remove {folder}, or choose another."
        ) from error
