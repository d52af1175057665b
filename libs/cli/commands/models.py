"""`laurel models` and `laurel promote`: versions of a program's models, and what becomes of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Annotated

import typer

from laurel.scoring.v1 import models_pb2 as pb
from libs.cli import models_view, programs, registry
from libs.cli.clients import STAFF, Clients, connected, staff_token
from libs.cli.console import out
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform

app = typer.Typer(no_args_is_help=True, help="Versions of a program's models.")


def _kind(text: str) -> str:
    """A kind, also as `laurel train` spells it."""
    return text.replace("-", "_")


KindArgument = Annotated[str, typer.Argument(help="Such as churn.", callback=_kind, show_default=False)]
VersionArgument = Annotated[
    int, typer.Argument(min=1, max=2**31 - 1, help="As `laurel models list` has it.", show_default=False)
]


class Stage(StrEnum):
    """What a version can be made."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"
    RETIRED = "retired"


@app.callback()
def models() -> None:
    """Versions of a program's models."""


@asynccontextmanager
async def _called(data_dir: DataDirOption, program: str, who: str = STAFF) -> AsyncIterator[Clients]:
    run = running_platform(data_dir)
    async with connected(run, staff_token(run, program, [registry.OFFICER], subject=who)) as clients:
        await programs.live(clients, program)
        yield clients


@app.command("list")
def list_models(
    program: ProgramOption = PROGRAM,
    kind: Annotated[str, typer.Option(callback=_kind, help="One kind alone, such as churn.")] = "",
    count: Annotated[int, typer.Option("--first", min=1, max=100, help="So many of the latest.")] = 20,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List versions, the latest first: their stage, how good they are, and who registered them."""

    async def read() -> list[pb.Model]:
        async with _called(data_dir, program) as clients:
            return await registry.models(clients, program, kind, count)

    found = asyncio.run(read())
    if as_json:
        print(json.dumps([models_view.as_document(each) for each in found]))  # noqa: T201 - for programs
    elif found:
        out.print(models_view.table(found))
    else:
        out.print(f"{program} has no models yet: `laurel train churn --program {program} --register`.")


@app.command("show")
def show(
    kind: KindArgument,
    version: VersionArgument,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show a version: how good it is, what became of it, and with --json its document."""

    async def read() -> pb.Model:
        async with _called(data_dir, program) as clients:
            return await registry.one(clients, program, kind, version)

    found = asyncio.run(read())
    if as_json:
        told = models_view.as_document(found) | {"document": json.loads(found.document)}
        print(json.dumps(told))  # noqa: T201 - for programs, so without colours
        return
    out.print(models_view.metrics(found))
    out.print(models_view.history(found))


def promote(
    kind: KindArgument,
    version: VersionArgument,
    stage: Annotated[Stage, typer.Option("--as", help="What it becomes.", show_default=False)],
    note: Annotated[str, typer.Option(help="Why, for the record.", show_default=False)],
    who: Annotated[str, typer.Option("--by", help="Who does it: not who registered it.")] = STAFF,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Make a version the champion or the challenger of its kind, or retire it; it takes two people."""

    async def done() -> pb.Model:
        async with _called(data_dir, program, who) as clients:
            return await registry.promote(clients, program, kind, version, registry.STAGES[stage], note)

    found = asyncio.run(done())
    if as_json:
        print(json.dumps(models_view.as_document(found)))  # noqa: T201 - for programs, so without colours
    else:
        out.print(models_view.history(found))
