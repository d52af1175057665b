"""Codes of coupons into a file, so that an interrupted run goes on where it was, and none is made twice."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.cli.cells import cell
from libs.cli.clients import Clients
from libs.cli.data_folder import write_whole
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.ids import new_id

BATCH = 1_000
HEADER = "code\n"
CALL_SECONDS = 30.0


class Manifest(BaseModel):
    """What a file of codes holds: `batches` are written, up to so many bytes.

    The batches of a run have request ids of their own for ever, so that one
    that was made and not written is told again.
    """

    program_id: str
    campaign: str
    count: int
    run_id: str
    batches: int = 0
    bytes_count: int = len(HEADER)

    def left(self) -> list[int]:
        """The sizes of the batches that are still to be made."""
        whole, rest = divmod(self.count, BATCH)
        return [*[BATCH] * whole, *[rest][: bool(rest)]][self.batches :]

    @property
    def written(self) -> int:
        """How many codes are in the file."""
        return min(self.count, self.batches * BATCH)


class CodeRun:
    """A file of codes, and beside it how far it is."""

    def __init__(self, file: Path, manifest: Manifest) -> None:
        self.file, self.manifest = file, manifest

    async def go_on(self, clients: Clients, told: Callable[[int], None]) -> None:
        """Make the batches that are left, each written before the next; `told` hears of more codes."""
        for size in self.manifest.left():
            request = pb.GenerateCouponCodesRequest(
                program_id=self.manifest.program_id,
                request_id=f"{self.manifest.run_id}.{self.manifest.batches}",
                campaign=self.manifest.campaign,
                count=size,
            )
            made = await patiently(lambda: clients.coupons.GenerateCouponCodes(request, timeout=CALL_SECONDS))  # noqa: B023
            self._write(made.codes)
            told(size)

    def _write(self, codes: Sequence[str]) -> None:
        """Write a batch, then say that it is there."""
        with self.file.open("r+b") as opened:
            opened.truncate(self.manifest.bytes_count)
            opened.seek(self.manifest.bytes_count)
            opened.writelines(f"{cell(code)}\n".encode() for code in codes)
            opened.flush()
            os.fsync(opened.fileno())
            self.manifest.bytes_count = opened.tell()
        self.manifest.batches += 1
        self.save()

    def save(self) -> None:
        """Write the manifest, readable whole at any moment."""
        write_whole(_beside(self.file), self.manifest.model_dump_json(indent=1))


@contextlib.contextmanager
def opened(file: Path, program: str, campaign: str, count: int) -> Iterator[CodeRun]:
    """The run of a file, for one command at a time: what is there, if it is of the same, or a new one."""
    asked = Manifest(program_id=program, campaign=campaign, count=count, run_id=new_id("gen"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with _beside(file, "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"Another `laurel coupon generate` writes to {file}: wait for it.") from None
        before = _manifest(file)
        if before is None:
            _begin(file)
            run = CodeRun(file, asked)
            run.save()
        else:
            if before.model_dump(include=_SAME) != asked.model_dump(include=_SAME):
                raise CommandError(
                    f"{file} is of {before.count} codes of {before.campaign} of {before.program_id}: name "
                    "another file with --out."
                )
            _require_whole(file, before)
            run = CodeRun(file, before)
        yield run


_SAME = {"program_id", "campaign", "count"}


def _begin(file: Path) -> None:
    """A file that its owner alone reads: whoever has a code has the coupon."""
    if file.exists() and file.read_bytes() not in {b"", HEADER.encode()}:  # as if killed right here before
        raise CommandError(f"{file} is there, and not of this command: name another with --out.")
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(HEADER)


def _require_whole(file: Path, manifest: Manifest) -> None:
    if not file.exists() or file.stat().st_size < manifest.bytes_count:
        raise CommandError(
            f"{file} lacks codes that were in it, and nobody tells them again: remove {_beside(file)}, and "
            "name another file for others."
        )


def _manifest(file: Path) -> Manifest | None:
    """How far a file is; None for a new one, CommandError for what cannot be read."""
    beside = _beside(file)
    try:
        return Manifest.model_validate_json(beside.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise CommandError(f"{beside} cannot be read: remove it and {file}, or name another.") from error


def _beside(file: Path, ending: str = "run") -> Path:
    return file.with_name(f"{file.name}.{ending}")
