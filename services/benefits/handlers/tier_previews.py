"""Tiers of events that did not happen: decided by what decides when they come, and nothing is kept."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.conditions import TOLD_BY_EVENTS
from libs.common.errors import Unavailable
from libs.common.program import Program
from services.benefits.clients import FactsKey, MembersClient, Possible, Subject
from services.benefits.domain.ahead import (
    TierAhead,
    after_event,
    earned_by_event,
    memberships_of,
    overdue,
    points_after,
    step_of,
    told_after,
)
from services.benefits.domain.earning import Earning
from services.benefits.domain.earning_previews import Earner, PossibleEvent
from services.benefits.domain.memberships import Membership, Step, TierReceipt, metrics_of
from services.benefits.domain.programs import Version
from services.benefits.handlers.deciding import Deciding

# Tills give up after 500 ms, and get their quote without tiers before.
SECONDS_MAX = 0.25
STEPS_MAX = 500

Receipts = Mapping[str, TierReceipt]


@dataclass(frozen=True, slots=True)
class Happening:
    """A member at a moment, and what might happen to them then, one after another."""

    member_id: str
    at: datetime
    before: Earner
    events: Sequence[PossibleEvent]


@dataclass(frozen=True, slots=True)
class Happened:
    """What each event would earn, and what all would do to each tier; no tiers where that is not known."""

    given: Sequence[Sequence[Earning]]
    tiers: Sequence[TierAhead] = ()


class TierPreviews:
    """Says where events would leave members.

    Points are counted at the tiers held before each event, so later events of a
    basket find what earlier ones brought. Where scoring, members or risk do not
    answer in time, or a review falls due first, tiers stay as they are.
    """

    def __init__(
        self, deciding: Deciding, members: MembersClient, *, seconds_max: float = SECONDS_MAX
    ) -> None:
        self._deciding, self._members, self._seconds_max = deciding, members, seconds_max

    async def of(self, version: Version, asked: Sequence[Happening]) -> list[Happened]:
        """What comes of each."""
        known = [each for each in asked if not overdue(each.before.memberships, each.at)]
        try:
            async with asyncio.timeout(self._seconds_max):
                decided = iter(await self._through(version, known))
        except (Unavailable, TimeoutError):
            return [_without_tiers(version.program, each) for each in asked]
        return [
            _without_tiers(version.program, each)
            if overdue(each.before.memberships, each.at)
            else next(decided)
            for each in asked
        ]

    async def _through(self, version: Version, asked: Sequence[Happening]) -> list[Happened]:
        """Each through all of its events: one by one where tiers ask for points, else at once."""
        walks = [_Walk(version.program, each) for each in asked]
        size = 1 if version.program.reads_points else max((len(each.events) for each in asked), default=0)
        while going := [each for each in walks if each.ahead]:
            parts = [each.steps(size) for each in going]
            told = await self._known(version, going, parts)
            for walk, receipts in zip(going, await self._decided(version, going, told), strict=True):
                walk.go(receipts)
        return [each.happened() for each in walks]

    async def _known(
        self, version: Version, walks: Sequence["_Walk"], parts: Sequence[Sequence[Step]]
    ) -> list[list[Step]]:
        """The steps with the facts that members knows, as if the events had happened."""
        names = sorted(version.program.member_facts - TOLD_BY_EVENTS)
        if not names:
            return [list(each) for each in parts]
        keys = [key for walk, steps in zip(walks, parts, strict=True) for key in walk.keys(len(steps))]
        found = iter(await self._members.facts(version.program_id, keys, names))
        return [[replace(step, facts={**next(found), **step.facts}) for step in steps] for steps in parts]

    async def _decided(
        self, version: Version, walks: Sequence["_Walk"], parts: Sequence[Sequence[Step]]
    ) -> list[list[Receipts]]:
        """The receipts of each step by tier set."""
        subjects = [
            Subject(membership, steps)
            for walk, steps in zip(walks, parts, strict=True)
            for membership in walk.memberships
        ]
        decided: list[list[TierReceipt]] = []
        for some in _together(subjects):
            decided += await self._deciding.decide(version, some)
        receipts = iter(decided)
        found: list[list[Receipts]] = []
        for walk, steps in zip(walks, parts, strict=True):
            by_set = {each.tier_set: next(receipts) for each in walk.memberships}
            found.append([{key: each[place] for key, each in by_set.items()} for place in range(len(steps))])
        return found


class _Walk:
    """A member on the way through their events."""

    def __init__(self, program: Program, asked: Happening) -> None:
        self._program, self._asked = program, asked
        self._start = replace(
            asked.before, memberships=memberships_of(program, asked.member_id, asked.before)
        )
        self._now = self._start
        self._given: list[Sequence[Earning]] = []
        self._latest: Receipts = {}

    @property
    def ahead(self) -> Sequence[PossibleEvent]:
        """The events that are not decided on yet."""
        return self._asked.events[len(self._given) :]

    @property
    def memberships(self) -> list[Membership]:
        """As they are at this point of the way."""
        return list(self._now.memberships.values())

    def steps(self, size: int) -> list[Step]:
        """What is to be decided next, so many at most."""
        metrics, steps = self._now.metrics, list[Step]()
        first = self.memberships[0].applied_seq + 1
        for number, event in enumerate(self.ahead[:size]):
            told = told_after(metrics, event)
            points = self._points(event) if self._program.reads_points else {}
            steps.append(step_of(told, points, self._asked.at, first + number))
            metrics = metrics_of(told)
        return steps

    def keys(self, size: int) -> list[FactsKey]:
        """The facts that the next steps read: as after each of them."""
        done = len(self._given)
        counts = [Possible(each.kind, each.amount_minor, each.quantity) for each in self._asked.events]
        started = next(iter(self._start.memberships.values()))
        at = max([self._asked.at, *(each.as_of for each in self.memberships if each.as_of is not None)])
        return [
            FactsKey(self._asked.member_id, at, started.applied_seq, counts[: done + number + 1])
            for number in range(size)
        ]

    def go(self, receipts: Sequence[Receipts]) -> None:
        """Go on by what was decided on the next events."""
        for event, each in zip(self.ahead[: len(receipts)], receipts, strict=True):
            given = earned_by_event(self._program, event, self._asked.at, self._now)
            self._now = after_event(self._program, event, self._asked.at, self._now, given, each)
            self._given.append(given)
            self._latest = each

    def happened(self) -> Happened:
        """What came of it."""
        return Happened(
            self._given,
            [
                TierAhead(key, self._start.tiers[key], self._now.tiers[key], receipt)
                for key, receipt in self._latest.items()
            ],
        )

    def _points(self, event: PossibleEvent) -> Mapping[str, int]:
        given = earned_by_event(self._program, event, self._asked.at, self._now)
        return points_after(self._program, self._now.memberships, given)


def _without_tiers(program: Program, asked: Happening) -> Happened:
    """What each event would earn at the tiers that are held now."""
    now, given = asked.before, list[Sequence[Earning]]()
    for event in asked.events:
        given.append(earned_by_event(program, event, asked.at, now))
        now = after_event(program, event, asked.at, now, given[-1], {})
    return Happened(given)


def _together(subjects: Sequence[Subject]) -> Iterator[list[Subject]]:
    """The subjects in calls of no more steps than one takes."""
    some: list[Subject] = []
    steps = 0
    for subject in subjects:
        if some and steps + len(subject.steps) > STEPS_MAX:
            yield some
            some, steps = [], 0
        some.append(subject)
        steps += len(subject.steps)
    if some:
        yield some
