"""Loads a file into a running platform, and says how it went."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from libs.cli import cdnow, programs
from libs.cli.clients import connected, connected_partner, staff_token
from libs.cli.console import progress_bar
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.load_run import LoadRuns
from libs.cli.loader import Loader, LoadResult

REJECTIONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LoadFile:
    """A file that was read, where it comes from, and where it goes: to a program, new members to a store."""

    content: bytes
    purchases: list[cdnow.Purchase]
    source: str
    program_id: str
    store_id: str = ""


def read(file: Path, *, source: str, program_id: str, store_id: str = "") -> LoadFile:
    """Read a file whole and check each line of it, before anything is sent."""
    content, purchases = cdnow.read(file)
    return LoadFile(content, purchases, source, program_id, store_id)


def is_loaded(folder: DataFolder, file: LoadFile) -> bool:
    """Whether the last load of this file went to its end."""
    last = LoadRuns(folder.loads).last(file.content, source=file.source, program_id=file.program_id)
    return last is not None and last.complete


async def load(run: RunFile, folder: DataFolder, file: LoadFile, console: Console) -> LoadResult:
    """Send a file behind a progress bar; an interrupted load of it goes on."""
    async with connected(run, staff_token(run, file.program_id)) as staff:
        program = await programs.live_program(staff, file.program_id)
    runs = LoadRuns(folder.loads)
    of = {"source": file.source, "program_id": file.program_id}
    attempt = runs.begin(file.content, **of)
    async with connected_partner(run, file.program_id, file.source) as partner:
        loader = Loader(partner, program, run_id=attempt.run_id, store_id=file.store_id)
        with progress_bar(console) as progress:
            bar = progress.add_task("Loading purchases", total=len(file.purchases))
            result = await loader.load(file.purchases, lambda count: progress.advance(bar, count))
    runs.complete(attempt, file.content, **of)
    return result


def show_rejections(result: LoadResult, console: Console) -> None:
    """Print the first of what was rejected."""
    for line in result.rejected[:REJECTIONS_SHOWN]:
        console.print(line, style="red", markup=False, highlight=False)
    if len(result.rejected) > REJECTIONS_SHOWN:
        console.print(f"… and {len(result.rejected) - REJECTIONS_SHOWN} more", style="red")
