"""Looking for better thresholds: members are walked over past dates by other values of what tiers ask for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from libs.common.clock import business_date
from libs.common.errors import Overloaded
from libs.common.program import Program
from services.benefits.domain.points_report import ExpectedRedemption
from services.benefits.domain.programs import Version, tier_set_of
from services.benefits.domain.simulation_results import Sides, money, remarks
from services.benefits.domain.simulation_tallies import Tally, Walked, Walks, added, rank_of, tally
from services.benefits.domain.simulations import MONTHS, PARTS_MAX, last_moments
from services.benefits.domain.threshold_choice import (
    Figures,
    Scale,
    Suggestion,
    at_stake,
    figures_of,
    suggested,
)
from services.benefits.domain.threshold_results import Question, Suggestions, remarks_of
from services.benefits.domain.thresholds import FACTORS_BP, Asked, Candidate, Threshold, asked_for, candidates
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.simulating import SPENT, SPENT_IN_YEAR, surrounded
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore
from services.benefits.walks import Facts, Standings, WalkClient

MEMBERS_MAX = 5_000
MEMBERS_PER_PART = 1_000
# So many parts at the least, or a sample of them would not be even.
SAMPLE_PARTS = 10
PROGRAMS_AT_ONCE = 16
DOCUMENTS_BYTES_MAX = 3_000_000
WAITING_MAX = 4

Stands = Mapping[str, Walked]
"""Where members stand by a version, by tier set."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: members that are done, of all tiers that are looked at, and in all."""

    tier_set: str
    tier: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _History:
    """What all tiers are looked at with; `members` are all, `walked` about those of the parts."""

    question: Question
    live: Version
    time: datetime
    dates: tuple[datetime, ...]
    parts: Sequence[tuple[str, str]]
    members: int
    walked: int
    expected: ExpectedRedemption

    def scale(self, walked: int) -> Scale:
        """Of figures of so many of the members, which are a sample or all that there are."""
        return Scale(max(self.members, walked) if self.walked < self.members else walked, walked)

    def version(self, program: Program) -> Version:
        """A program as a version; of the live one the document that it was published with."""
        if program == self.live.program:
            return self.live
        return Version(program, program.digest(), self.live.effective_time)


class ThresholdHandlers:
    """Walks members by candidates, one tier after another, and keeps nothing.

    One question at a time, as it takes the processors of this service and of
    scoring. A few wait, and more than those are refused.
    """

    def __init__(
        self,
        store: BenefitsStore,
        times: ProgramTimes,
        reports: ReportHandlers,
        walks: WalkClient,
        surroundings: Surroundings,
    ) -> None:
        self._store, self._times, self._reports = store, times, reports
        self._walks, self._surroundings = walks, surroundings
        self._turn, self._waiting = asyncio.Lock(), 0

    async def suggest(self, question: Question) -> AsyncGenerator[Progress | Suggestions, None]:
        """How far it is, again and again, and in the end what came of it."""
        question.assumptions.require_coherent()
        async with self._in_turn():
            _, time = await self._times.now_in(question.program_id)
            live = (await self._store.live_programs([question.program_id]))[question.program_id]
            # What is not there is refused before anybody's facts are read.
            asked = asked_for(live.program, question.tier_set, question.tier, question.condition)
            history = await self._history(question, live, time)
            program, found, counted = history.live.program, list[Suggestion](), list[Tally]()
            for place, threshold in enumerate(asked.thresholds):
                tried, left_out = await asyncio.to_thread(
                    candidates, program, threshold, question.factors_bp or FACTORS_BP, history.time
                )
                counted = []
                for part in history.parts:
                    counted = _together(counted, await self._part(history, program, threshold, tried, part))
                    done = place * history.walked + min(history.walked, counted[0].members)
                    yield Progress(
                        threshold.tier_set, threshold.tier, done, len(asked.thresholds) * history.walked
                    )
                figures = _figures(history, program, threshold, tried, counted)
                found.append(suggested(threshold, figures, left_out))
                program = next(each.program for each in tried if each.value == found[-1].chosen_value)
            yield _came(history, asked, program, found, counted)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._waiting > WAITING_MAX:
            raise Overloaded
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def _history(self, question: Question, live: Version, time: datetime) -> _History:
        """The members and the dates that all tiers are looked at with."""
        program = live.program
        dates = last_moments(
            [],
            months=question.months or MONTHS,
            today=business_date(time, program.time_zone),
            time_zone=program.time_zone,
        )
        parts, members, walked = await self._sample(question.program_id, question.members_max or MEMBERS_MAX)
        report = await self._reports.points(question.program_id)
        return _History(question, live, time, dates, parts, members, walked, report.expected)

    async def _sample(self, program_id: str, members_max: int) -> tuple[list[tuple[str, str]], int, int]:
        """Parts of the members, even among all and always the same; members in all, and about in those."""
        _, total = await self._walks.divide(program_id, 1)
        size = max(1, min(MEMBERS_PER_PART, members_max // SAMPLE_PARTS))
        ends, total = await self._walks.divide(program_id, min(PARTS_MAX, max(1, -(-total // size))))
        parts = [*pairwise(["", *ends, ""])]
        if total <= members_max:
            return parts, total, total
        count = max(1, len(parts) * members_max // total)
        taken = [parts[place * len(parts) // count] for place in range(count)]
        return taken, total, total * count // len(parts)

    async def _part(
        self,
        history: _History,
        program: Program,
        threshold: Threshold,
        tried: Sequence[Candidate],
        part: tuple[str, str],
    ) -> list[Tally]:
        """What the members of a part come to by each candidate, against the program that it is tried on."""
        read = sorted(program.member_facts | {SPENT, SPENT_IN_YEAR})
        facts = await self._walks.facts(program.key, part, read, history.dates)
        facts, regions = await surrounded(self._surroundings, [program], facts)
        versions = [history.version(each.program) for each in tried]
        at_once = max(1, min(PROGRAMS_AT_ONCE, DOCUMENTS_BYTES_MAX // len(history.live.document)))
        stands: list[Stands] = []
        for start in range(0, len(versions), at_once):
            some = versions[start : start + at_once]
            # Candidates have the same regions.
            everywhere = {
                (place, tier_set): of_members
                for place in range(len(some))
                for (_, tier_set), of_members in regions.items()
            }
            walked = await self._walks.walk(some, facts, history.dates, everywhere)
            stands += [_stands(walked, place) for place in range(len(some))]
        return await asyncio.to_thread(_counted, program, threshold.tier_set, tried, stands, facts)


def _stands(walked: Mapping[tuple[int, str], Standings], of_place: int) -> Stands:
    """Where members stand by one version, by tier set."""
    return {
        tier_set: Walked(each.ranks, each.between)
        for (place, tier_set), each in walked.items()
        if place == of_place
    }


def _counted(
    program: Program,
    tier_set: str,
    tried: Sequence[Candidate],
    stands: Sequence[Stands],
    facts: Facts,
) -> list[Tally]:
    """What members come to by each candidate, and in this tier set what they spent who stand elsewhere."""
    spent = [facts.column(date, SPENT) for date in range(len(facts.columns))]
    of_year = facts.column(len(facts.columns) - 1, SPENT_IN_YEAR)
    live = next(each for candidate, each in zip(tried, stands, strict=True) if candidate.program is program)
    found = []
    for candidate, each in zip(tried, stands, strict=True):
        walks = Walks(live, each, spent, of_year)
        counted = tally({}, walks, program, candidate.program)
        found.append(replace(counted, money=at_stake(counted.money, walks, tier_set)))
    return found


def _together(before: Sequence[Tally], more: Sequence[Tally]) -> list[Tally]:
    return [added(one, other) for one, other in zip(before, more, strict=True)] if before else list(more)


def _figures(
    history: _History,
    program: Program,
    threshold: Threshold,
    tried: Sequence[Candidate],
    counted: Sequence[Tally],
) -> list[Figures]:
    """What each candidate comes to."""
    tier_set = tier_set_of(program, threshold.tier_set)
    found, rank = [], rank_of(tier_set, threshold.tier)
    for candidate, each in zip(tried, counted, strict=True):
        sides = Sides(program, candidate.program, history.expected.redeemed_bp, history.expected.months)
        came = money(each, history.dates, history.question.assumptions, sides)
        ladder, scale = each.ladders[threshold.tier_set], history.scale(each.members)
        found.append(figures_of(candidate.value, rank, ladder, came, scale))
    return found


def _came(
    history: _History,
    asked: Asked,
    program: Program,
    found: Sequence[Suggestion],
    counted: Sequence[Tally],
) -> Suggestions:
    """The result; what it does not count is said of any of the candidates, which differ in one number."""
    live, expected = history.live.program, history.expected
    scale = history.scale(counted[0].members if counted else 0)
    sides = Sides(live, live, expected.redeemed_bp, expected.months)
    of_history = remarks(counted[0], sides) if counted else []
    return Suggestions(
        question=history.question,
        live=history.live,
        program=program,
        dates=history.dates,
        scale=scale,
        expected=expected,
        suggestions=tuple(found),
        remarks=remarks_of(live, asked, scale, of_history),
    )
