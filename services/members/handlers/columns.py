"""Use cases that read whole programs: facts of all members as columns, and how to share the work."""

import asyncio
import sys
import time
from array import array
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from libs.common.clock import business_date
from services.members.domain.fact_columns import NO_FACT, Days, Fact, Kinds, facts_asked
from services.members.handlers.programs import ProgramHandlers
from services.members.repository.columns import ColumnsStore

MEMBERS_PER_ANSWER = 10_000
# Answers that are worked on at once, for whomever: reading whole programs leaves room for all else.
ANSWERS_AT_ONCE_MAX = 4
COUNTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ColumnsRequest:
    """Facts of a program's members above one id and up to another; an empty one is no bound."""

    program_id: str
    as_of: datetime | None
    facts: Sequence[str]
    after: str
    through: str


@dataclass(frozen=True, slots=True)
class FactColumns:
    """Some members, and per fact a column of little-endian float64, NaN where there is none."""

    member_ids: Sequence[str]
    columns: Sequence[bytes]
    as_of: datetime
    members_total: int


class ColumnHandlers:
    """Answers for whole programs, some members at a time."""

    def __init__(
        self,
        store: ColumnsStore,
        programs: ProgramHandlers,
        now: Callable[[], datetime],
        *,
        kinds: Collection[str],
    ) -> None:
        """`kinds` are those that events have."""
        self._store, self._programs, self._now, self._kinds = store, programs, now, kinds
        self._turns = asyncio.Semaphore(ANSWERS_AT_ONCE_MAX)
        self._counted: dict[str, tuple[float, int]] = {}

    async def stream(self, request: ColumnsRequest) -> AsyncIterator[FactColumns]:
        """The facts at the end of the day, of some thousand members after another."""
        program = await self._programs.program(request.program_id)
        today = business_date(request.as_of or program.clock.time(self._now()), program.time_zone)
        facts = facts_asked(request.facts, self._kinds, today)
        as_of, after = _end_of(today, program.time_zone), request.after
        total = await self._total(request.program_id)
        while True:
            async with self._turns:
                ids = await self._store.member_ids(
                    request.program_id, after=after, through=request.through, limit=MEMBERS_PER_ANSWER
                )
                columns = await self._columns(ids, facts, today)
            if ids:
                yield FactColumns(ids, columns, as_of, total)
            if len(ids) < MEMBERS_PER_ANSWER:
                return
            after = ids[-1]

    async def _columns(self, ids: Sequence[str], facts: Sequence[Fact], today: date) -> list[bytes]:
        """A column per fact. Only the days of one member are held at a time."""
        columns = [array("d", [NO_FACT]) * len(ids) for _ in facts]
        places = {member_id: place for place, member_id in enumerate(ids)}

        def keep(member_id: str, days: Days) -> None:
            for column, fact in zip(columns, facts, strict=True):
                column[places[member_id]] = fact(days)

        member, days = "", list[tuple[date, Kinds]]()
        async for rows in self._store.days(ids, through=today):
            for member_id, day, kinds in rows:
                if member_id != member:
                    if days:
                        keep(member, days)
                    member, days = member_id, []
                days.append((day, kinds))
        if days:
            keep(member, days)
        return list(map(_little_endian, columns))

    async def divide(self, program_id: str, parts: int) -> tuple[list[str], int]:
        """The last member of each part but the last, and how many members there are."""
        await self._programs.program(program_id)
        total = await self._count(program_id)
        ends, size = list[str](), max(1, -(-total // parts))
        while len(ends) < parts - 1:
            end = await self._store.next_id(program_id, after=ends[-1] if ends else "", skip=size - 1)
            if end is None:
                break
            ends.append(end)
        return ends, total

    async def _total(self, program_id: str) -> int:
        """How many members there are, or were a minute ago: streams of many parts begin together."""
        counted, total = self._counted.get(program_id, (float("-inf"), 0))
        fresh = time.monotonic() - counted < COUNTED_SECONDS
        return total if fresh else await self._count(program_id)

    async def _count(self, program_id: str) -> int:
        total = await self._store.count(program_id)
        self._counted[program_id] = (time.monotonic(), total)
        return total


def _end_of(day: date, time_zone: str) -> datetime:
    """The last moment of a business day, in the milliseconds that times are kept in."""
    following = datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(time_zone))
    return following.astimezone(UTC) - timedelta(milliseconds=1)


def _little_endian(column: "array[float]") -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
