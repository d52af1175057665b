"""Exports the facts of a whole program's members to Parquet, for what reads them beyond this machine."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from laurel.members.v1 import members_pb2
from libs.cli.clients import Clients
from libs.cli.data_folder import write_whole
from libs.cli.errors import CommandError
from libs.cli.score_run import Manifest, Part, ScoreRun
from libs.cli.scoring import Scored, Told, each_waiting, facts_request
from libs.models import features
from libs.models.documents import LATER_FACTS
from libs.models.purchases import ends_of

PROGRAM = "program.json"
MEMBER_ID = "member_id"
# What one stream gives.
FACTS_PER_STREAM = 50
FACTS_MAX = 500

Floats: TypeAlias = NDArray[np.float64]


def facts_named(text: str, scored: Scored) -> list[str]:
    """The facts that are asked for: some by name, or all that a list of features and the scores read."""
    if text == features.VERSION:
        return list(dict.fromkeys([*features.FACTS, *scored.program.score_facts]))
    facts = [name.strip() for name in text.split(",")]
    if not all(facts) or len(set(facts)) < len(facts) or len(facts) > FACTS_MAX:
        raise CommandError(
            f"--facts {text}: expected {features.VERSION}, or up to {FACTS_MAX} names with commas between, "
            "each once."
        )
    return facts


def with_horizon(asked: Manifest, horizon_days: int, today: date) -> Manifest:
    """The same with what came in the horizon, as far as that is over; models are trained on it."""
    is_over = asked.as_of + timedelta(days=horizon_days) <= today
    ends = ends_of(horizon_days) if horizon_days and is_over else []
    return asked.model_copy(update={"horizon_days": horizon_days, "ends": ends})


async def export(clients: Clients, run: ScoreRun, scored: Scored, told: Told) -> None:
    """Write the parts that are waiting, and the program's document beside them."""
    write_whole(run.folder / PROGRAM, scored.live.document.decode())

    async def attempt(part: Part) -> None:
        await PartExport(clients, run, scored, part, told).write()

    await each_waiting(run, attempt)


@dataclass(slots=True)
class PartExport:
    """One attempt at a part: streams of 50 facts each, side by side, into one file."""

    clients: Clients
    run: ScoreRun
    scored: Scored
    part: Part
    told: Told
    members: int = 0
    members_total: int = 0

    async def write(self) -> None:
        """Write the file of the part; after a failure it is as if nothing had been."""
        fresh = self.run.folder / f"{self.part.file}.new"
        try:
            await self._write(fresh)
        except BaseException:
            self.told(-self.members, self.members_total)
            raise
        self.run.keep(self.part, fresh, members=self.members, labels={})

    async def _write(self, fresh: Path) -> None:
        facts, ends = self.run.manifest.facts, self.run.manifest.ends
        asked = [facts_request(self.scored, self.part, some) for some in _by(FACTS_PER_STREAM, facts)]
        if ends:
            asked.append(facts_request(self.scored, self.part, LATER_FACTS, ends))
        calls = [self.clients.members.StreamFactColumns(each) for each in asked]
        schema = schema_of([*facts, *(f"{fact}@{days}" for days in ends for fact in LATER_FACTS)])
        try:
            with pq.ParquetWriter(fresh, schema, compression="zstd") as file:
                async for rows in side_by_side([FactStream(call) for call in calls]):
                    await asyncio.to_thread(file.write_batch, rows.batch(schema))
                    self._count(rows)
        finally:
            for call in calls:
                call.cancel()

    def _count(self, rows: "Rows") -> None:
        self.members += len(rows.member_ids)
        self.members_total = rows.members_total
        self.told(len(rows.member_ids), self.members_total)


def _by(size: int, names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def schema_of(facts: Sequence[str]) -> Any:
    """The columns of a file: whose, and of each fact a float64 that is null where there is none."""
    fields = [
        pa.field(MEMBER_ID, pa.string(), nullable=False),
        *(pa.field(fact, pa.float64()) for fact in facts),
    ]
    return pa.schema(fields)


@dataclass(frozen=True, slots=True)
class Rows:
    """Members, ascending, and of each a number per column; NaN is no fact."""

    member_ids: Sequence[str]
    columns: Sequence[Floats]
    members_total: int = 0

    def batch(self, schema: Any) -> Any:
        """As Arrow has it."""
        columns = [pa.array(column, pa.float64(), from_pandas=True) for column in self.columns]
        return pa.record_batch([pa.array(self.member_ids, pa.string()), *columns], schema=schema)

    def of(self, member_ids: Sequence[str]) -> "Rows":
        """Those of these members, all of whom are here."""
        if len(member_ids) == len(self.member_ids):
            return self
        wanted = frozenset(member_ids)
        kept = np.array([each in wanted for each in self.member_ids], bool)
        return Rows(member_ids, [column[kept] for column in self.columns], self.members_total)


@dataclass(slots=True)
class FactStream:
    """What one call gives, as much at a time as is asked for."""

    call: Any
    held: Rows = field(default_factory=lambda: Rows((), ()))
    answers: AsyncIterator[members_pb2.StreamFactColumnsResponse] = field(init=False)

    def __post_init__(self) -> None:
        self.answers = aiter(self.call)

    async def holds_some(self) -> bool:
        """Whether there are rows, read now when none were left."""
        while not self.held.member_ids:
            answer = await anext(self.answers, None)
            if answer is None:
                return False
            dates = (answer.columns, *(each.columns for each in answer.more_dates))
            columns = [np.frombuffer(column, "<f8") for each in dates for column in each]
            self.held = Rows(list(answer.member_ids), columns, answer.members_total)
        return True

    def take(self, through: str) -> Rows:
        """The rows up to a member, who leave."""
        held = self.held
        end = bisect_right(held.member_ids, through)
        self.held = Rows(held.member_ids[end:], [column[end:] for column in held.columns], held.members_total)
        return Rows(held.member_ids[:end], [column[:end] for column in held.columns], held.members_total)


async def side_by_side(streams: Sequence[FactStream]) -> AsyncIterator[Rows]:
    """The columns of all streams beside one another.

    Who registers while they are read may be in one and not yet in another, and is left out.
    """
    while all([await each.holds_some() for each in streams]):
        through = min(each.held.member_ids[-1] for each in streams)
        taken = [each.take(through) for each in streams]
        common = taken[0].member_ids
        if any(rows.member_ids != common for rows in taken):
            in_all = set(common).intersection(*(rows.member_ids for rows in taken))
            common = sorted(in_all)
        columns = [column for rows in taken for column in rows.of(common).columns]
        yield Rows(common, columns, max(rows.members_total for rows in taken))
