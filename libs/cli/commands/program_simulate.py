"""`laurel program simulate`: what a version would do, before anybody approves it."""

import json
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.cli import clocks, foreground, program_changes, programs, simulations
from libs.cli.clients import STAFF, Clients, connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.cli.simulation_view import View
from libs.common.program import Program
from libs.common.texts import Locale

app = typer.Typer()
MANAGER = "operations_manager"
NumberArgument = Annotated[
    int,
    typer.Argument(
        metavar="VERSION", min=1, max=2**31 - 1, help="As `versions` lists it.", show_default=False
    ),
]


@app.command("simulate")
def simulate(
    number: NumberArgument,
    program: ProgramOption = PROGRAM,
    dates: Annotated[int, typer.Option(min=1, max=60, help="So many ends of months before today.")] = 12,
    as_of: Annotated[
        list[str] | None, typer.Option(help="A day of the past instead, such as 2026-10-31; again for more.")
    ] = None,
    assume: Annotated[
        list[str] | None, typer.Option(help="Such as gross_margin_bp=4000; again for more.", metavar="NAME=N")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="Show the last run instead of starting one.")] = False,
    first: Annotated[int, typer.Option(min=0, max=100_000, help="So many of those who would move.")] = 10,
    who: Annotated[str, typer.Option("--as", help="Who does it.")] = STAFF,
    language: Annotated[Locale, typer.Option("--language", help="Of names and remarks.")] = "en",
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show what a version would do: whom it would move now, and what it would have done so far, and cost."""
    assumptions = assumptions_of(assume or [])

    async def done() -> bool:
        run_file = running_platform(data_dir)
        async with connected(run_file, staff_token(run_file, program, [MANAGER], subject=who)) as clients:
            await programs.live(clients, program)
            zone = ZoneInfo((await clocks.clock(clients, program)).time_zone)
            _, document = await program_changes.version(clients, program, number)
            if last:
                run = await _last(clients, program, number)
            else:
                days = [clocks.point(each, zone.key, option="--as-of") for each in as_of or []]
                run = await simulations.start(
                    clients,
                    program,
                    number,
                    dates=days,
                    months=0 if days else dates,
                    assumptions=assumptions,
                )
            run = await _followed(clients, run)
            moves = await simulations.moves(clients, run, pb.SIMULATED_DIRECTION_UNSPECIFIED, first)
            _show(run, moves, document, zone, language, as_json=as_json)
        return True

    if foreground.run(done()) is None:
        err.print("Interrupted. The run goes on by itself: see `laurel program simulate --last`.")
        raise typer.Exit(130)


async def _last(clients: Clients, program: str, number: int) -> pb.Simulation:
    found = await simulations.latest(clients, program, number)
    if found is None:
        raise CommandError(f"Version {number} was never simulated: leave --last out.")
    return await simulations.one(clients, program, found.simulation_id)


async def _followed(clients: Clients, run: pb.Simulation) -> pb.Simulation:
    """The run at its end, with how far it is on the way there."""
    with progress_bar(err) as progress:
        bar = progress.add_task("Members", total=None)

        def told(at: pb.Simulation) -> None:
            progress.update(bar, completed=at.done_count, total=at.total_count or None)

        return await simulations.followed(clients, run, told)


def _show(
    run: pb.Simulation,
    moves: list[pb.SimulatedMove],
    document: Program,
    zone: ZoneInfo,
    language: Locale,
    *,
    as_json: bool,
) -> None:
    if as_json:
        told = {"simulation": _json(run), "moves": [_json(each) for each in moves]}
        print(json.dumps(told))  # noqa: T201 - for programs, so without colours
        return
    for each in View(run, document, zone, language).tables(moves):
        if isinstance(each, str):
            out.print(each, markup=False, highlight=False)
        else:
            out.print(each)


def assumptions_of(texts: list[str]) -> pb.SimulationAssumptions:
    """What is assumed, by the names of the contract."""
    found = pb.SimulationAssumptions()
    known = [each.name for each in found.DESCRIPTOR.fields]
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known or not value.isdecimal() or int(value) >= 2**31:
            raise CommandError(f"--assume {text} is not one of {', '.join(known)} with a whole number.")
        setattr(found, name, int(value))
    return found


def _json(message: pb.Simulation | pb.SimulatedMove) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
