"""`laurel status`: what runs, and how far the pipeline is."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf import json_format
from rich.table import Table

from laurel.common.v1 import pipeline_pb2
from libs.cli import pipeline, programs
from libs.cli.clients import connected, staff_token
from libs.cli.console import out
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.cli.retries import explain
from libs.common.rpc.time import moment

SECONDS = "%Y-%m-%d %H:%M:%S"


def status(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Show the processes, and whether everything recorded has had its effect."""
    run = running_platform(data_dir)
    found, times = asyncio.run(_statuses(run, program))
    left = pipeline.waiting(found, times)
    if as_json:
        print(json.dumps(_as_json(run, found, drained=not left)))  # noqa: T201 - for programs, so without colours
        return
    out.print(processes_table(run))
    out.print(_pipeline_table(found))
    out.print(_programs_table(found))
    if times:
        out.print(_calendars_table(found, times))
    asyncio.run(_require(run, program))
    out.print("Drained." if not left else "Not drained:\n" + "\n".join(f"  {line}" for line in left))


async def _require(run: RunFile, program: str) -> None:
    """Refuse a program that is not there: whatever is drained, nothing of it is."""
    async with connected(run, staff_token(run, program)) as clients:
        await programs.live(clients, program)


async def _statuses(
    run: RunFile, program: str
) -> tuple[list[pipeline_pb2.PipelineStatus], dict[str, datetime]]:
    """What each service says of itself, and what time it is in the programs that they have calendars of."""
    async with connected(run, staff_token(run, program)) as clients:
        try:
            found = await pipeline.statuses(clients)
            return found, await pipeline.times(clients, found)
        except grpc.aio.AioRpcError as error:
            raise CommandError(f"A service does not answer: {explain(error)}") from error


def processes_table(run: RunFile) -> Table:
    """What runs where."""
    since = f"Running since {run.started_time:%Y-%m-%d %H:%M:%S} UTC" if run.supervisor_pid else "Elsewhere"
    table = Table(title=since, title_justify="left")
    for column in ("process", "address", "metrics", "pid", "restarts"):
        table.add_column(column)
    for name, process in run.processes.items():
        table.add_row(
            name,
            process.address,
            process.metrics_address or "",
            str(process.pid or ("starting" if run.supervisor_pid else "")),
            str(process.restarts),
        )
    return table


def _pipeline_table(found: Sequence[pipeline_pb2.PipelineStatus]) -> Table:
    """What each service has still to send, to read and to apply."""
    table = Table(title="Pipeline", title_justify="left")
    for column in ("service", "unsent", "dead letters", "reads", "unread", "pending"):
        table.add_column(column)
    for each in found:
        own = [each.service, str(each.outbox_unsent), str(each.dead_letters)]
        for group in each.groups or [pipeline_pb2.ConsumerGroup()]:
            table.add_row(*own, group.stream, str(group.lag), str(group.pending))
            own = ["", "", ""]
    return table


def _programs_table(found: Sequence[pipeline_pb2.PipelineStatus]) -> Table:
    """What members has recorded of each program, and how much of it the others have applied."""
    table = Table(title="Programs", title_justify="left")
    for column in ("program", "service", "members", "events"):
        table.add_column(column)
    for each in found:
        for position in each.positions:
            counts = (str(position.member_count), str(position.sequence_sum))
            table.add_row(position.program_id, each.service, *counts)
    return table


def _calendars_table(found: Sequence[pipeline_pb2.PipelineStatus], times: Mapping[str, datetime]) -> Table:
    """What time it is in each program, and until when all that fell due has happened."""
    table = Table(title="Calendars (UTC)", title_justify="left")
    for column in ("program", "time there", "service", "done until"):
        table.add_column(column)
    for each in found:
        for position in each.calendars:
            if position.program_id in times:
                there, done = times[position.program_id], moment(position.done_time)
                table.add_row(
                    position.program_id, f"{there:{SECONDS}}", each.service, f"{min(there, done):{SECONDS}}"
                )
    return table


def _as_json(run: RunFile, found: Sequence[pipeline_pb2.PipelineStatus], *, drained: bool) -> dict[str, Any]:
    return {
        "uptime_seconds": round((datetime.now(UTC) - run.started_time).total_seconds()),
        "gateway_url": run.gateway_url,
        "processes": {name: process.model_dump() for name, process in run.processes.items()},
        "pipeline": [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in found],
        "drained": drained,
    }
