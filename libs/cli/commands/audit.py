"""`laurel audit`: proves that the audit log is whole, and finds who did what in it."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from laurel.common.v1 import audit_pb2 as pb
from libs.cli import audit, foreground, programs
from libs.cli.clients import connected, staff_token
from libs.cli.console import err, out, progress_bar
from libs.cli.data_folder import STORING_SERVICES, DataFolder, RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.common.audit.record import Record
from libs.common.chains.chain import instant
from libs.common.chains.check import Checked, Fault
from libs.common.rpc.time import timestamp

OBJECTS_SHOWN = 3

app = typer.Typer(no_args_is_help=True, help="Verify the audit log, or search in it.")
Time = Annotated[str, typer.Option(metavar="TIME", help="Such as 2026-11-23 or 2026-11-23T12:30, in UTC.")]


@app.command("verify")
def verify(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Recompute every digest and chain, and check the signed heads; exit 1 when anything is wrong."""
    started = time.monotonic()
    run = running_platform(data_dir)
    found = foreground.run(_verify(run, DataFolder(data_dir), program))
    if found is None:
        raise typer.Exit(130)
    broken = sum(checked.broken for checked in found.values())
    if as_json:
        seconds = round(time.monotonic() - started, 2)
        services = {service: _as_json(checked) for service, checked in found.items()}
        told = {"program": program, "broken": broken, "seconds": seconds, "services": services}
        print(json.dumps(told))  # noqa: T201 - for programs, so without colours
    else:
        _show(found)
    if broken:
        raise typer.Exit(1)


async def _verify(run: RunFile, folder: DataFolder, program: str) -> dict[str, Checked]:
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live(clients, program)
        with progress_bar(err) as progress:
            return {
                service: await audit.verify(
                    clients, folder, service, program, _bar(progress, f"Verifying {service}")
                )
                for service in STORING_SERVICES
            }


def _bar(progress: Progress, text: str) -> audit.Told:
    """A bar that is told of positions."""
    bar = progress.add_task(text, total=None)
    return lambda position, last: progress.update(bar, completed=position, total=last)


def _show(found: Mapping[str, Checked]) -> None:
    table = Table(title="Audit chains", title_justify="left")
    table.add_column("service")
    for column in ("records", "waiting", "heads", "kept apart", "faults"):
        table.add_column(column, justify="right")
    for service, each in found.items():
        counts = (each.records, each.waiting, each.heads, each.anchors, each.broken)
        table.add_row(service, *map(str, counts))
    out.print(table)
    for service, fault in ((service, fault) for service, each in found.items() for fault in each.faults):
        out.print(f"{service}: {_text(fault)}", style="red", markup=False)


def _text(fault: Fault) -> str:
    detail = f" ({fault.detail})" if fault.detail else ""
    return f"{fault.code.name} {fault.object_id}: {fault.code.value}{detail}"


def _as_json(checked: Checked) -> dict[str, Any]:
    return {
        "records": checked.records,
        "waiting": checked.waiting,
        "heads": checked.heads,
        "kept_apart": checked.anchors,
        "broken": checked.broken,
        "faults": [
            {"code": each.code.name, "object_id": each.object_id, "detail": each.detail}
            for each in checked.faults
        ],
    }


@app.command("search")
def search(
    *,
    actor: Annotated[str, typer.Option(help="Only what this subject did.")] = "",
    act: Annotated[str, typer.Option(help="Only this act, such as CreateStore.")] = "",
    object_: Annotated[str, typer.Option("--object", help="Only what was done to this id.")] = "",
    since: Time = "",
    until: Time = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Show at most so many.")] = 200,
    program: ProgramOption = PROGRAM,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Print who did or read what, oldest first."""
    request = pb.ListAuditRecordsRequest(program_id=program, actor=actor, act=act, object=object_)
    if since:
        request.since_time.CopyFrom(timestamp(_time(since)))
    if until:
        request.until_time.CopyFrom(timestamp(_time(until)))
    found = foreground.run(_search(running_platform(data_dir), request, limit))
    if found is None:
        raise typer.Exit(130)
    records, more = found
    if as_json:
        print(json.dumps([_record_json(*each) for each in records]))  # noqa: T201 - for programs
    else:
        _show_records(records)
    if more:
        err.print(f"There are more than {limit}: narrow the search, or raise --limit.")


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no time, such as 2026-11-23 or 2026-11-23T12:30.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


async def _search(
    run: RunFile, request: pb.ListAuditRecordsRequest, limit: int
) -> tuple[list[tuple[str, Record]], bool]:
    """The oldest records of all services, and whether there are more."""
    async with connected(run, staff_token(run, request.program_id)) as clients:
        await programs.live(clients, request.program_id)
        with progress_bar(err) as progress:
            found = [
                (service, record)
                for service in STORING_SERVICES
                for record in await audit.first(
                    clients, service, request, limit + 1, _bar(progress, f"Searching {service}")
                )
            ]
    found.sort(key=lambda each: each[1].recorded_time)
    return found[:limit], len(found) > limit


def _show_records(found: Sequence[tuple[str, Record]]) -> None:
    """A record in few columns and several lines, which fit into any terminal and a pipe."""
    table = Table(title="Audit records", title_justify="left", show_lines=True, show_edge=False)
    table.add_column("time and place", no_wrap=True)
    for column in ("by", "act, its objects and reason"):
        table.add_column(column, overflow="fold")
    for service, each in found:
        objects = list(each.objects[:OBJECTS_SHOWN])
        if len(each.objects) > OBJECTS_SHOWN:
            objects.append(f"and {len(each.objects) - OBJECTS_SHOWN} more")
        table.add_row(
            f"{each.recorded_time:%Y-%m-%d %H:%M:%S}\n{service} {each.position or 'waiting'}",
            escape(f"{each.actor.kind} {each.actor.subject}"),
            escape("\n".join(filter(None, [each.act, *objects, each.reason]))),
        )
    out.print(table)


def _record_json(service: str, record: Record) -> dict[str, Any]:
    fields = asdict(record)
    return {"service": service, **fields, "recorded_time": instant(record.recorded_time)}
