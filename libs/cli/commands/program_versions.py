"""`laurel program`: versions of a live program, from the proposal to their effect, and back."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict

from laurel.benefits.v1 import programs_pb2 as pb
from libs.cli import (
    clocks,
    foreground,
    program_changes,
    program_view,
    programs,
    simulation_view,
    simulations,
    version_view,
)
from libs.cli.clients import STAFF, Clients, connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.errors import CommandError, RefusedError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.program import Program
from libs.common.program_diff import changes

app = typer.Typer()
NumberArgument = Annotated[
    int,
    typer.Argument(
        metavar="VERSION", min=1, max=2**31 - 1, help="As `versions` lists it.", show_default=False
    ),
]
AsOption = Annotated[str, typer.Option("--as", help="Who does it: it takes two people to change a program.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for people.", show_default=False)]
MANAGER, OFFICER = "operations_manager", "compliance_officer"


@dataclass(frozen=True)
class Desk:
    """Somebody of the staff at a program."""

    clients: Clients
    program_id: str
    zone: ZoneInfo

    def show(self, version: pb.ProgramVersion) -> None:
        out.print(version_view.line(version, self.zone), markup=False, highlight=False)


@asynccontextmanager
async def _desk(data_dir: DataDirOption, program: str, roles: Sequence[str], who: str) -> AsyncIterator[Desk]:
    run = running_platform(data_dir)
    async with connected(run, staff_token(run, program, roles, subject=who)) as clients:
        await programs.live(clients, program)
        zone = (await clocks.clock(clients, program)).time_zone
        yield Desk(clients, program, ZoneInfo(zone))


@app.command("versions")
def versions(
    program: ProgramOption = PROGRAM,
    count: Annotated[int, typer.Option("--first", min=1, max=100, help="So many of the latest.")] = 20,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print the versions of a program, drafts too: who proposed and decided what, and whom it moved."""

    async def read() -> tuple[list[pb.ProgramVersion], ZoneInfo]:
        async with _desk(data_dir, program, [OFFICER], STAFF) as desk:
            return await program_changes.versions(desk.clients, program, count), desk.zone

    found, zone = asyncio.run(read())
    if as_json:
        print(json.dumps([_json(each) for each in found]))  # noqa: T201 - for programs, so without colours
    else:
        out.print(version_view.table(found, zone))


@app.command("propose")
def propose(
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON.", show_default=False)],
    note: Annotated[str, typer.Option(help="What changes, for people.", show_default=False)],
    who: AsOption = STAFF,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Propose a file as the next version of its program, and print what differs from the live one."""
    draft = programs.read_program(file)

    async def done() -> None:
        async with _desk(data_dir, draft.key, [MANAGER], who) as desk:
            live = await programs.live_program(desk.clients, draft.key)
            version = await program_changes.propose(desk.clients, draft, note)
            if found := changes(live, draft):
                out.print(program_view.of_changes(found, "en"))
            desk.show(version)

    asyncio.run(done())


@app.command("approve")
def approve(
    number: NumberArgument,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Approve a version that somebody else proposed, as it is printed: what differs from the live one."""

    async def done() -> None:
        async with _desk(data_dir, program, [OFFICER], who) as desk:
            seen, document = await program_changes.version(desk.clients, program, number)
            if found := changes(await programs.live_program(desk.clients, program), document):
                out.print(program_view.of_changes(found, "en"))
            await _show_simulation(desk, seen, document)
            desk.show(await _approved(desk, seen))

    asyncio.run(done())


async def _show_simulation(desk: Desk, seen: pb.ProgramVersion, document: Program) -> None:
    """How many the version would move, by its last simulation."""
    if seen.simulation_id:
        run = await simulations.one(desk.clients, desk.program_id, seen.simulation_id)
        view = simulation_view.View(run, document, desk.zone, "en")
        for impact in run.result.impacts:
            text = f"simulated, {impact.tier_set}: {view.moved(impact)}"
            out.print(text, markup=False, highlight=False)


async def _approved(desk: Desk, seen: pb.ProgramVersion) -> pb.ProgramVersion:
    """The version, approved; who has to do what first is said."""
    try:
        return await program_changes.approve(desk.clients, seen)
    except RefusedError as refused:
        if refused.reason != "PROGRAM_NOT_SIMULATED":
            raise
        raise CommandError(
            f"Nobody has seen yet what version {seen.version} would do. Run `laurel program simulate "
            f"{seen.version} --program {seen.program_id}`, look at what it shows, and approve then."
        ) from refused


@app.command("reject")
def reject(
    number: NumberArgument,
    reason: ReasonOption,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Let a version be that is not in effect yet; who proposed it withdraws it so."""

    async def done() -> None:
        async with _desk(data_dir, program, [MANAGER, OFFICER], who) as desk:
            desk.show(await program_changes.reject(desk.clients, program, number, reason))

    asyncio.run(done())


@app.command("publish")
def publish(
    number: NumberArgument,
    at: Annotated[str | None, typer.Option(help="A day or a time, by the program; at once without.")] = None,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Let an approved version take effect, and wait until all members have been decided on by it."""

    async def done() -> bool:
        async with _desk(data_dir, program, [MANAGER], who) as desk:
            time = None if at is None else clocks.point(at, desk.zone.key, option="--at")
            await _follow(desk, await program_changes.publish(desk.clients, program, number, time))
        return True

    _in_foreground(foreground.run(done()))


@app.command("rollback")
def rollback(
    number: NumberArgument,
    reason: ReasonOption,
    who: AsOption = STAFF,
    program: ProgramOption = PROGRAM,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Let the rules of an earlier version take effect again at once, as a version of its own."""

    async def done() -> bool:
        async with _desk(data_dir, program, [OFFICER], who) as desk:
            await _follow(desk, await program_changes.roll_back(desk.clients, program, number, reason))
        return True

    _in_foreground(foreground.run(done()))


async def _follow(desk: Desk, version: pb.ProgramVersion) -> None:
    """Show how far the members are, where the version is in effect."""
    if version.state != pb.PROGRAM_VERSION_STATE_LIVE:
        desk.show(version)
        return
    with progress_bar(err) as progress:
        bar = progress.add_task("Members", total=None)

        def told(run: pb.Recalculation) -> None:
            # Who joins on the way is decided on, too.
            total = max(run.membership_count, run.decided_count) or None
            progress.update(bar, completed=run.decided_count, total=total)

        ended = await program_changes.recalculated(desk.clients, version, told)
        told(ended.recalculation)
    desk.show(ended)


def _in_foreground(ended: bool | None) -> None:
    if ended is None:
        err.print("Interrupted. What was published goes on by itself: see `laurel program versions`.")
        raise typer.Exit(130)


def _json(version: pb.ProgramVersion) -> dict[str, object]:
    return MessageToDict(version, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
