"""How far the pipeline is: what each service says, and whether everything recorded has had its effect."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.common.v1 import lookup_pb2, pipeline_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import risk_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.common.rpc.time import moment

# A calendar keeps how far it is every few seconds while nothing happens.
BEHIND = timedelta(seconds=15)
UNKNOWN: Mapping[str, datetime] = MappingProxyType({})
POLL_SECONDS = 0.25
PATIENCE_SECONDS = 300.0


async def statuses(clients: Clients) -> list[pipeline_pb2.PipelineStatus]:
    """What members, benefits and risk say of themselves, in this order."""
    members, benefits, risk = await asyncio.gather(
        clients.members.GetPipelineStatus(members_pb2.GetPipelineStatusRequest()),
        clients.benefits.GetPipelineStatus(benefits_pb2.GetPipelineStatusRequest()),
        clients.risk.GetPipelineStatus(risk_pb2.GetPipelineStatusRequest()),
    )
    return [members.status, benefits.status, risk.status]


async def times(clients: Clients, pipeline: Sequence[pipeline_pb2.PipelineStatus]) -> dict[str, datetime]:
    """What time it is in each program in which something may fall due."""
    program_ids = sorted({each.program_id for status in pipeline for each in status.calendars})
    if not program_ids:
        return {}
    answer = await clients.members.BatchGetClocks(members_pb2.BatchGetClocksRequest(program_ids=program_ids))
    found = [each.clock for each in answer.results if each.status == lookup_pb2.LOOKUP_STATUS_FOUND]
    return {each.program_id: moment(each.time) for each in found}


def waiting(
    pipeline: Sequence[pipeline_pb2.PipelineStatus], times: Mapping[str, datetime] = UNKNOWN
) -> list[str]:
    """What is still under way, for people; nothing when drained.

    A calendar counts that is behind the time of its program, where that is known.
    """
    members, *consumers = pipeline
    found = [
        f"{status.service}: {status.outbox_unsent} announcements unsent"
        for status in pipeline
        if status.outbox_unsent
    ]
    found += [
        f"{status.service}: {status.dead_letters} messages failed, see its log; a restart tries them again"
        for status in pipeline
        if status.dead_letters
    ]
    for status in pipeline:
        found += [
            f"{status.service}: {group.lag} unread and {group.pending} unacknowledged on {group.stream}"
            for group in status.groups
            if group.lag or group.pending
        ]
    for consumer in consumers:
        applied = _positions(consumer)
        found += [
            f"{consumer.service}: program {program} is behind members"
            for program, position in _positions(members).items()
            if position != applied.get(program, (0, 0))
        ]
    return found + _behind(pipeline, times)


def _behind(pipeline: Sequence[pipeline_pb2.PipelineStatus], times: Mapping[str, datetime]) -> list[str]:
    """The calendars in which something may be due that has not happened."""
    return [
        f"{status.service}: calendar of {each.program_id} is at {moment(each.done_time):%Y-%m-%d %H:%M:%S}, "
        f"where it is {times[each.program_id]:%Y-%m-%d %H:%M:%S}"
        for status in pipeline
        for each in status.calendars
        if each.program_id in times and moment(each.done_time) < times[each.program_id] - BEHIND
    ]


def _positions(status: pipeline_pb2.PipelineStatus) -> dict[str, tuple[int, int]]:
    return {
        position.program_id: (position.member_count, position.sequence_sum) for position in status.positions
    }


async def drained(
    clients: Clients, *, told: Callable[[str], None] = lambda _: None, seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until everything recorded has had its effect, whatever dies meanwhile."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            found = await statuses(clients)
            left = waiting(found, await times(clients, found))
        except grpc.aio.AioRpcError as error:
            left = [f"a service does not answer: {error.details()}"]
        if not left:
            return
        told(left[0])
        if loop.time() > deadline:
            raise CommandError(f"The pipeline is not drained after {seconds:.0f} s:\n" + "\n".join(left))
        await asyncio.sleep(POLL_SECONDS)
