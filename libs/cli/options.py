"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from libs.cli.data_folder import DataFolder, RunFile

DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="LAUREL_DATA_DIR",
        help="Folder of the platform: its data, keys, logs and run.json.",
    ),
]
ProgramOption = Annotated[str, typer.Option("--program", help="Key of the program.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

DATA_DIR = Path(".laurel")
PROGRAM = "music_store"


def running_platform(data_dir: Path) -> RunFile:
    """The platform that runs in this folder."""
    return DataFolder(data_dir).running()
