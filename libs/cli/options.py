"""Options that several commands have."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.errors import CommandError

DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="LAUREL_DATA_DIR",
        help="Folder of the platform: its data, keys, logs and run.json.",
    ),
]
ProgramOption = Annotated[str, typer.Option("--program", help="Key of the program.")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="The day whose end counts; the program's today by default."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

DATA_DIR = Path(".laurel")
PROGRAM = "music_store"


def running_platform(data_dir: Path) -> RunFile:
    """The platform that runs in this folder."""
    return DataFolder(data_dir).running()


def day(text: str | None) -> date | None:
    """The day of `--as-of`, if there is one."""
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise CommandError(f"--as-of {text}: expected a day that exists, such as 1998-06-30.") from None
