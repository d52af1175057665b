"""Use cases that read whole programs: facts of all members as columns, and how to share the work."""

import asyncio
import sys
import time
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.clock import business_date, end_of_day
from services.members.domain.fact_columns import NO_FACT, Days, Fact, Kinds, facts_asked
from services.members.handlers.programs import ProgramHandlers
from services.members.repository.columns import ColumnsStore

MEMBERS_PER_ANSWER = 10_000
# Of 8 bytes each, so that an answer stays below what callers take at a time.
NUMBERS_PER_ANSWER_MAX = 1_500_000
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
    more_dates: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class DateColumns:
    """Per fact a column of little-endian float64, NaN where there is none."""

    as_of: datetime
    columns: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class FactColumns:
    """Some members, and their facts at each date."""

    member_ids: Sequence[str]
    dates: Sequence[DateColumns]
    members_total: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """The facts of a day."""

    today: date
    as_of: datetime
    facts: Sequence[Fact]


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
        """The facts at the ends of days, of some thousand members after another."""
        program = await self._programs.program(request.program_id)
        times = [request.as_of or program.clock.time(self._now()), *request.more_dates]
        asked = [self._asked(request.facts, time, program.time_zone) for time in times]
        limit = min(MEMBERS_PER_ANSWER, NUMBERS_PER_ANSWER_MAX // (len(asked) * len(request.facts)))
        after, total = request.after, await self._total(request.program_id)
        while True:
            async with self._turns:
                ids = await self._store.member_ids(
                    request.program_id, after=after, through=request.through, limit=limit
                )
                dates = await self._dates(ids, asked)
            if ids:
                yield FactColumns(ids, dates, total)
            if len(ids) < limit:
                return
            after = ids[-1]

    def _asked(self, names: Sequence[str], time: datetime, time_zone: str) -> _Asked:
        today = business_date(time, time_zone)
        return _Asked(today, end_of_day(today, time_zone), facts_asked(names, self._kinds, today))

    async def _dates(self, ids: Sequence[str], asked: Sequence[_Asked]) -> list[DateColumns]:
        """A column per date and fact. Only the days of one member are held at a time."""
        columns = [[array("d", [NO_FACT]) * len(ids) for _ in each.facts] for each in asked]
        places = {member_id: place for place, member_id in enumerate(ids)}

        def keep(member_id: str, days: Days) -> None:
            place = places[member_id]
            for each, of_date in zip(asked, columns, strict=True):
                until = bisect_right(days, each.today, key=_day)
                if until:
                    told = days if until == len(days) else days[:until]
                    for column, fact in zip(of_date, each.facts, strict=True):
                        column[place] = fact(told)

        member, days = "", list[tuple[date, Kinds]]()
        async for rows in self._store.days(ids, through=max(each.today for each in asked)):
            for member_id, day, kinds in rows:
                if member_id != member:
                    if days:
                        keep(member, days)
                    member, days = member_id, []
                days.append((day, kinds))
        if days:
            keep(member, days)
        return [
            DateColumns(each.as_of, list(map(_little_endian, of_date)))
            for each, of_date in zip(asked, columns, strict=True)
        ]

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


def _day(told: tuple[date, Kinds]) -> date:
    return told[0]


def _little_endian(column: "array[float]") -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
