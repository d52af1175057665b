"""What models of a program are trained on: facts of its members at a day and after it, from members."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from laurel.members.v1 import members_pb2
from libs.cli import clocks, programs
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.program import Program
from libs.common.rpc.time import moment, timestamp
from libs.models.documents import LATER_FACTS, PURCHASE_FACTS
from libs.models.populations import (
    Later,
    Population,
    TrainingError,
    in_sample,
    population,
)
from libs.models.purchases import ends_of
from libs.models.serving import have_purchased

FACTS_PER_CALL = 50

# What is done, how much of it, and of how much.
Told = Callable[[str, int, int], None]
Ids = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Span:
    """The program whose members are learned from, its own today, the cut-off and the horizon after it."""

    program: Program
    today: date
    as_of: date
    horizon_days: int

    @property
    def is_over(self) -> bool:
        """Whether what came in the horizon is known, its last day too."""
        return self.as_of + timedelta(days=self.horizon_days) <= self.today

    def noon(self, days: int = 0) -> datetime:
        """A time of the cut-off's business day, or of one so many days later."""
        day = self.as_of + timedelta(days=days)
        return datetime.combine(day, time(12), ZoneInfo(self.program.time_zone))

    def ends(self) -> list[int]:
        """Days after the cut-off at which what came is looked at; none while the horizon is not over."""
        return ends_of(self.horizon_days) if self.is_over else []


async def span(
    clients: Clients, program_id: str, cut_off: date | None, horizon_days: int, *, back: bool = True
) -> Span:
    """The span that was asked for. Its cut-off is today, or with `back` a horizon before, unless given.

    CommandError for a cut-off after today.
    """
    program = await programs.live_program(clients, program_id)
    clock = await clocks.clock(clients, program_id)
    today = moment(clock.time).astimezone(ZoneInfo(program.time_zone)).date()
    if cut_off is not None and cut_off > today:
        raise CommandError(f"--cut-off {cut_off}: {program_id} is at {today}, and later days are not known.")
    as_of = cut_off or (today - timedelta(days=horizon_days) if back else today)
    return Span(program, today, as_of, horizon_days)


async def read(clients: Clients, asked: Span, facts: Sequence[str], told: Told) -> Population:
    """The members who had purchased by the cut-off, with these facts, and what came where that is known.

    CommandError where nobody had, and where one of them left while facts were read.
    """
    others = [fact for fact in facts if fact not in PURCHASE_FACTS]
    first = [*PURCHASE_FACTS, *others[: FACTS_PER_CALL - len(PURCHASE_FACTS)]]
    rest = [fact for fact in others if fact not in first]
    calls = [first, *(rest[at : at + FACTS_PER_CALL] for at in range(0, len(rest), FACTS_PER_CALL))]
    ends = asked.ends()
    parts = len(calls) + bool(ends)

    def heard(part: int) -> Callable[[int, int], None]:
        return lambda done, total: told(f"Reading facts ({part} of {parts})", done, total)

    ids, columns = await _columns(clients, asked, first, [], None, heard(1))
    drawn_from = len(ids)
    rows = in_sample(ids.tolist(), drawn_from)
    ids, found = ids[rows], {fact: column[rows] for fact, column in columns[0].items()}
    for part, names in enumerate(calls[1:], start=2):
        own, (more,) = await _columns(clients, asked, names, [], ids, heard(part))
        _require_same(ids, own)
        found |= more
    later = []
    if ends:
        own, after = await _columns(clients, asked, LATER_FACTS, ends, ids, heard(parts))
        _require_same(ids, own)
        later = [Later(days, each) for days, each in zip(ends, after, strict=True)]
    try:
        return population(
            found,
            later,
            program_id=asked.program.key,
            currency=asked.program.currency,
            as_of=asked.as_of,
            horizon_days=asked.horizon_days,
            drawn_from=drawn_from if drawn_from > len(ids) else None,
        )
    except TrainingError as error:
        raise CommandError(
            f"{error}: record purchases first (`laurel load`), or choose a later --cut-off."
        ) from error


def _require_same(ids: Ids, own: Ids) -> None:
    """Rows of several readings are of the same members: one may have been erased in between."""
    if not np.array_equal(ids, own):
        raise CommandError("Members left while their facts were read: run the same command again.")


async def _columns(
    clients: Clients,
    asked: Span,
    facts: Sequence[str],
    ends: Sequence[int],
    wanted: Ids | None,
    told: Callable[[int, int], None],
) -> tuple[Ids, list[dict[str, NDArray[np.float64]]]]:
    """Ids and facts at the cut-off, or at the days after it that are given, of these members.

    Without any wanted, of those who have purchased; members come ascending.
    """
    request = members_pb2.StreamFactColumnsRequest(
        program_id=asked.program.key,
        as_of=timestamp(asked.noon(ends[0] if ends else 0)),
        more_dates=[timestamp(asked.noon(days)) for days in ends[1:]],
        facts=facts,
    )

    async def attempt() -> tuple[list[Ids], list[list[list[NDArray[np.float64]]]]]:
        ids: list[Ids] = []
        found: list[list[list[NDArray[np.float64]]]] = []
        done = 0
        async for answer in clients.members.StreamFactColumns(request):
            own = np.array(answer.member_ids)
            dates = [answer.columns, *(each.columns for each in answer.more_dates)]
            columns = [[np.frombuffer(each, "<f8") for each in date_] for date_ in dates]
            if wanted is None:
                rows = have_purchased(dict(zip(facts, columns[0], strict=True)))
            else:
                rows = np.isin(own, wanted, assume_unique=True)
            ids.append(own[rows])
            found.append([[column[rows] for column in date_] for date_ in columns])
            done += len(own)
            told(done, answer.members_total)
            await asyncio.sleep(0)
        return ids, found

    ids, found = await patiently(attempt)
    dates_count = max(1, len(ends))
    joined = [
        {
            fact: np.concatenate([frame[day][place] for frame in found]) if found else np.empty(0)
            for place, fact in enumerate(facts)
        }
        for day in range(dates_count)
    ]
    return (np.concatenate(ids) if ids else np.empty(0, "U36")), joined
