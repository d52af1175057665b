"""`laurel clock`: what time it is in programs, and time travel in sandboxes."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from laurel.members.v1 import members_pb2
from libs.cli import clocks, foreground, pipeline
from libs.cli.clients import connected, staff_token
from libs.cli.clocks import Move
from libs.cli.console import err, out, percentage_bar
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, running_platform
from libs.common.rpc.time import moment

Happened = dict[tuple[str, str], int]


def clock(
    programs: Annotated[
        list[str] | None, typer.Argument(help="Keys of programs.", show_default=PROGRAM)
    ] = None,
    by: Annotated[str | None, typer.Option(help="Move it so much further, such as 30d or 12h.")] = None,
    to: Annotated[
        str | None, typer.Option(help="Move it to a day or a time, by the program's time zone.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show the clocks of programs; move a sandbox's forward, and wait for what falls due until then."""
    named = programs or [PROGRAM]
    if by is None and to is None:
        _show(foreground.run(_clocks(running_platform(data_dir), named)), as_json=as_json)
        return
    if (by is not None and to is not None) or len(named) != 1:
        raise CommandError("Say how far to move the clock of one program: --by 30d, or --to 1998-09-01.")
    length = None if by is None else clocks.span(by)
    done = foreground.run(_move(running_platform(data_dir), named[0], by=length, to=to))
    if done is None:
        err.print(
            "Interrupted. If the clock was moved, what is due goes on by itself: see `laurel clock` and "
            "`laurel status`."
        )
        raise typer.Exit(130)
    _show_move(*done, as_json=as_json)


async def _clocks(run: RunFile, program_ids: Sequence[str]) -> list[members_pb2.ProgramClock]:
    """The clock of each program, asked for with a token of that program."""
    found = []
    for program_id in program_ids:
        async with connected(run, staff_token(run, program_id)) as clients:
            found.append(await clocks.clock(clients, program_id))
    return found


async def _move(
    run: RunFile, program_id: str, *, by: timedelta | None, to: str | None
) -> tuple[Move, str, Happened]:
    """Move it, wait until all of it has had its effect, and say what happened."""
    async with connected(run, staff_token(run, program_id)) as clients:
        zone = (await clocks.clock(clients, program_id)).time_zone
        target = by if by is not None else clocks.point(to or "", zone)
        before = await clocks.positions(clients, program_id)
        moved = await clocks.move(clients, program_id, target)
        with percentage_bar(err) as progress:
            bar = progress.add_task("What falls due happens", total=1.0)
            await clocks.arrived(clients, moved, lambda share: progress.update(bar, completed=share))
        with err.status("Waiting for the effects") as status:
            await pipeline.drained(clients, told=status.update)
        return moved, zone, clocks.happened(before, await clocks.positions(clients, program_id))


def _show(found: list[members_pb2.ProgramClock] | None, *, as_json: bool) -> None:
    if found is None:
        raise typer.Exit(130)
    if as_json:
        print(json.dumps([_as_json(each) for each in found]))  # noqa: T201 - for programs, so without colours
        return
    table = Table(title="Clocks", title_justify="left")
    for column in ("program", "time there", "UTC", "runs"):
        table.add_column(column, overflow="fold")
    for each in found:
        time = moment(each.time)
        table.add_row(
            each.program_id,
            f"{clocks.local(time, each.time_zone)}\n{each.time_zone}",
            clocks.local(time, "UTC"),
            _how(each),
        )
    out.print(table, soft_wrap=False)


def _how(found: members_pb2.ProgramClock) -> str:
    if not found.HasField("replay_from_time"):
        return "live"
    begun = f"sandbox from {moment(found.replay_from_time):%Y-%m-%d}"
    return begun if found.ticking else f"{begun}, stands still until an event is recorded"


def _as_json(found: members_pb2.ProgramClock) -> dict[str, Any]:
    replayed = found.HasField("replay_from_time")
    return {
        "program": found.program_id,
        "time": moment(found.time).isoformat(),
        "time_zone": found.time_zone,
        "replay_from_time": moment(found.replay_from_time).isoformat() if replayed else None,
        "ticking": found.ticking,
    }


def _show_move(moved: Move, zone: str, happened: Happened, *, as_json: bool) -> None:
    if as_json:
        counts = [
            {"service": service, "kind": kind, "count": count} for (service, kind), count in happened.items()
        ]
        told = {"from_time": _iso(moved.from_time), "to_time": _iso(moved.to_time), "happened": counts}
        print(json.dumps({"program": moved.program_id} | told))  # noqa: T201 - for programs, so without colours
        return
    out.print(
        f"{moved.program_id}: from {clocks.local(moved.from_time, zone)} "
        f"to {clocks.local(moved.to_time, zone)} ({zone})",
        highlight=False,
    )
    if not any(happened.values()):
        out.print("Nothing fell due.")
        return
    table = Table(title="What happened", title_justify="left")
    table.add_column("service")
    table.add_column("what fell due")
    table.add_column("how often", justify="right")
    for (service, kind), count in happened.items():
        table.add_row(service, kind, str(count))
    out.print(table)


def _iso(moment_: datetime) -> str:
    return moment_.isoformat()
