"""`laurel load`: sends a file of purchases to a running platform."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from libs.cli import foreground, loading
from libs.cli.console import err, out
from libs.cli.data_folder import DataFolder
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, ProgramOption


class Format(StrEnum):
    """Formats of files that can be loaded."""

    CDNOW = "cdnow"


def load(
    file: Annotated[Path, typer.Argument(help="The file.", show_default=False)],
    file_format: Annotated[Format, typer.Option("--format", help="What its lines look like.")],
    source: Annotated[str, typer.Option(help="The partner that the file is from.")] = "cdnow",
    store: Annotated[str, typer.Option(help="The partner's store that new members join at.")] = "",
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send a file of purchases through the partner API; an interrupted load goes on where it was."""
    assert file_format is Format.CDNOW, "the only format so far"
    folder = DataFolder(data_dir)
    run = folder.running()
    read = loading.read(file, source=source, program_id=program, store_id=store)
    result = foreground.run(loading.load(run, folder, read, err))
    if result is None:
        err.print("Interrupted: run the same command again to go on.")
        raise typer.Exit(130)
    loading.show_rejections(result, err)
    out.print(
        f"{result.accepted} accepted, {result.duplicate} duplicates, {len(result.rejected)} rejected; "
        f"{result.members_created} new members"
    )
    if result.rejected:
        raise typer.Exit(1)
