"""Options that several commands have."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
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
MasterOption = Annotated[str, typer.Option(help="Spark: the cluster; two threads: local[2].")]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--conf", metavar="KEY=VALUE", help="Spark: a setting; repeatable.")
]
FactsFolderOption = Annotated[
    str,
    typer.Option("--facts", metavar="FOLDER", help="Spark: a folder of `laurel export facts`, or its URL."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


class Engine(StrEnum):
    """What works on members."""

    PLATFORM = "platform"
    SPARK = "spark"


EngineOption = Annotated[
    Engine, typer.Option(help="The platform itself, or Spark, which reads an export of facts.")
]
# The cores of this machine.
MASTER = "local[*]"
DATA_DIR = Path(".laurel")
PROGRAM = "music_store"


def running_platform(data_dir: Path) -> RunFile:
    """The platform that runs in this folder."""
    return DataFolder(data_dir).running()


def refuse(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Options that would be left aside are refused."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            given = next(each for each in context.command.params if each.name == name)
            raise CommandError(f"{given.opts[0]} cannot be given here: {why}.")


def day(text: str | None) -> date | None:
    """The day of `--as-of`, if there is one."""
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        raise CommandError(f"--as-of {text}: expected a day that exists, such as 1998-06-30.") from None
