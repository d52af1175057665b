"""The clocks of programs: what time it is, moving a sandbox's, waiting until all that fell due is done."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

import grpc

from laurel.common.v1 import lookup_pb2, pipeline_pb2
from laurel.members.v1 import members_pb2
from libs.cli import pipeline
from libs.cli.clients import Clients
from libs.cli.errors import CommandError, RefusedError
from libs.cli.retries import patiently
from libs.common.ids import new_id
from libs.common.rpc.time import moment, timestamp

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
SPAN = re.compile(r"([1-9][0-9]{0,5})([wdhms])")
POLL_SECONDS = 0.25
ADVICE = MappingProxyType(
    {
        "CLOCK_LIVE": "runs by the machine's clock, which nobody moves. Only sandboxes travel in time: "
        "programs whose document has a clock with `replay_from`.",
        "CLOCK_BACKWARDS": "has passed that time: see `laurel clock`, and choose a later one.",
    }
)
STANDSTILL_SECONDS = 120.0

# By service, until when all that fell due in the program has happened.
Positions = Mapping[str, pipeline_pb2.CalendarPosition]


@dataclass(frozen=True, slots=True)
class Move:
    """From when to when a clock was moved."""

    program_id: str
    from_time: datetime
    to_time: datetime


def span(text: str) -> timedelta:
    """A length of time, such as 30d, 12h or 1w2d."""
    parts = SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise CommandError(f"--by {text}: expected numbers with w, d, h, m or s, such as 30d or 1d12h.")
    length = timedelta()
    for number, unit in parts:
        length += timedelta(**{UNITS[unit]: int(number)})
    return length


def point(text: str, time_zone: str, *, option: str = "--to") -> datetime:
    """A day or a time, by the program's time zone where it says none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{option} {text}: expected a day or a time, such as 1998-09-01 or 1998-09-01T12:00."
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=ZoneInfo(time_zone))


async def clock(clients: Clients, program_id: str) -> members_pb2.ProgramClock:
    """The clock of a program."""
    request = members_pb2.BatchGetClocksRequest(program_ids=[program_id])
    result = (await patiently(lambda: clients.members.BatchGetClocks(request))).results[0]
    if result.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise CommandError(f"There is no program {program_id!r}: make it with `laurel init program`.")
    return result.clock


async def move(clients: Clients, program_id: str, target: datetime | timedelta) -> Move:
    """Move the clock of a sandbox forward, once however often it has to be asked."""
    request = members_pb2.MoveClockRequest(program_id=program_id, request_id=new_id("req"))
    if isinstance(target, datetime):
        request.to_time.CopyFrom(timestamp(target))
    else:
        request.by_seconds = int(target.total_seconds())
    try:
        moved = await patiently(lambda: clients.members.MoveClock(request))
    except RefusedError as refused:
        advice = ADVICE.get(refused.reason)
        raise (CommandError(f"{program_id} {advice}") if advice else refused) from refused
    return Move(program_id, moment(moved.from_time), moment(moved.to_time))


async def positions(clients: Clients, program_id: str) -> dict[str, pipeline_pb2.CalendarPosition]:
    """How far the calendar of each service is that has one for the program."""
    return positions_in(await patiently(lambda: pipeline.statuses(clients)), program_id)


def positions_in(
    found: Sequence[pipeline_pb2.PipelineStatus], program_id: str
) -> dict[str, pipeline_pb2.CalendarPosition]:
    """The calendars of one program, by service."""
    return {
        status.service: position
        for status in found
        for position in status.calendars
        if position.program_id == program_id
    }


def share(found: Positions, moved: Move) -> float:
    """How much of the way the last of the calendars has gone, from 0 to 1."""
    if not found:
        return 1.0
    slowest = min(moment(position.done_time) for position in found.values())
    whole = (moved.to_time - moved.from_time).total_seconds()
    return min(1.0, max(0.0, (slowest - moved.from_time).total_seconds() / whole))


async def arrived(clients: Clients, moved: Move, told: Callable[[float], None]) -> None:
    """Wait until all that fell due on the way has happened in every service; `told` hears how far that is."""
    loop = asyncio.get_running_loop()
    furthest, since = -1.0, loop.time()
    while True:
        try:
            found = positions_in(await pipeline.statuses(clients), moved.program_id)
            done, why = share(found, moved), _slowest(found)
        except grpc.aio.AioRpcError as error:
            done, why = furthest, f"A service does not answer: {error.details()}"
        if done > furthest:
            furthest, since = done, loop.time()
            told(max(0.0, done))
        if furthest >= 1.0:
            return
        if loop.time() - since > STANDSTILL_SECONDS:
            raise CommandError(
                f"The clock is moved, but for {STANDSTILL_SECONDS:.0f} s nothing has happened. {why} "
                "See its log, and `laurel status`; what is due goes on as soon as it can."
            )
        await asyncio.sleep(POLL_SECONDS)


def _slowest(found: Positions) -> str:
    if not found:
        return "No service has a calendar."
    service, position = min(found.items(), key=lambda each: moment(each[1].done_time))
    return f"The calendar of {service} stands at {moment(position.done_time):%Y-%m-%d %H:%M:%S} UTC."


def happened(before: Positions, after: Positions) -> dict[tuple[str, str], int]:
    """How much happened between, by service and kind."""
    return {
        (service, kind): count - before[service].counts.get(kind, 0) if service in before else count
        for service, position in sorted(after.items())
        for kind, count in sorted(position.counts.items())
    }


def local(moment_: datetime, time_zone: str) -> str:
    """A time as the program's people say it."""
    return f"{moment_.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}"
