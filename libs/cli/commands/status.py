"""`laurel status`: what runs, and how far the pipeline is."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf import json_format
from rich.table import Table

from laurel.common.v1 import pipeline_pb2
from libs.cli import pipeline
from libs.cli.clients import connected, staff_token
from libs.cli.console import out
from libs.cli.data_folder import RunFile
from libs.cli.errors import CommandError
from libs.cli.options import DATA_DIR, PROGRAM, DataDirOption, JsonOption, ProgramOption, running_platform
from libs.cli.retries import explain


def status(
    program: ProgramOption = PROGRAM, as_json: JsonOption = False, data_dir: DataDirOption = DATA_DIR
) -> None:
    """Show the processes, and whether everything recorded has had its effect."""
    run = running_platform(data_dir)
    found = asyncio.run(_statuses(run, program))
    if as_json:
        print(json.dumps(_as_json(run, found)))  # noqa: T201 - for programs, so without colours
        return
    out.print(processes_table(run))
    out.print(_pipeline_table(found))
    out.print(_programs_table(found))
    left = pipeline.waiting(found)
    out.print("Drained." if not left else "Not drained:\n" + "\n".join(f"  {line}" for line in left))


async def _statuses(run: RunFile, program: str) -> list[pipeline_pb2.PipelineStatus]:
    async with connected(run, staff_token(run, program)) as clients:
        try:
            return await pipeline.statuses(clients)
        except grpc.aio.AioRpcError as error:
            raise CommandError(f"A service does not answer: {explain(error)}") from error


def processes_table(run: RunFile) -> Table:
    """What runs where."""
    table = Table(title=f"Running since {run.started_time:%Y-%m-%d %H:%M:%S} UTC", title_justify="left")
    for column in ("process", "address", "metrics", "pid", "restarts"):
        table.add_column(column)
    for name, process in run.processes.items():
        table.add_row(
            name,
            process.address,
            process.metrics_address or "",
            str(process.pid or "starting"),
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


def _as_json(run: RunFile, found: Sequence[pipeline_pb2.PipelineStatus]) -> dict[str, Any]:
    return {
        "uptime_seconds": round((datetime.now(UTC) - run.started_time).total_seconds()),
        "gateway_url": run.gateway_url,
        "processes": {name: process.model_dump() for name, process in run.processes.items()},
        "pipeline": [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in found],
        "drained": not pipeline.waiting(found),
    }
