"""The main use case: what members did becomes tiers with receipts, and points in the ledger."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import accumulate

from libs.common.birthdays import Birthday
from libs.common.calendar import FRESH
from libs.common.clock import business_date
from libs.common.conditions import TOLD_BY_EVENTS
from libs.common.consumer import due
from libs.common.errors import Contention, Unavailable
from libs.common.program import Program
from libs.common.telemetry import APPLIED, SKIPPED, log
from libs.common.tier_policy import TierSet
from services.benefits.clients import PULL_EVENTS, FactsKey, MembersClient, Subject
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.effects import Effect, decided_before_reviews, effect, with_tier_points
from services.benefits.domain.event_points import qualifying_points
from services.benefits.domain.memberships import (
    REGISTRATION_SEQ,
    Inbound,
    MemberEvent,
    Membership,
    Step,
    event_step,
    membership_id,
    point_facts,
)
from services.benefits.domain.programs import Version
from services.benefits.domain.reached import newly_reached
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.points import Movements, issue, post_movements
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.standing import contracts_of
from services.benefits.handlers.telling import tell_of_tiers, tier_news
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.unmoved import Moved, require_unmoved
from services.benefits.outbox import birthday_used, membership_changed
from services.benefits.repository import reached
from services.benefits.repository.birthdays import birthdays_of
from services.benefits.repository.documents import effect_documents
from services.benefits.repository.earned_days import earned_on, keep_earned
from services.benefits.repository.store import BenefitsStore

MEMBERS_MAX = 50
STEPS_MAX = 500
REDONE_MAX = 20
# Terms that end between two events of a member: of a hundred years, each month.
REVIEWS_MAX = 1_200


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be decided for one member: the memberships as they are, and the events due."""

    memberships: tuple[Membership, ...]
    events: tuple[MemberEvent, ...]

    @property
    def member_id(self) -> str:
        return self.memberships[0].member_id

    @property
    def overdue(self) -> list[Membership]:
        """Those whose term is over before the first of the events."""
        first = self.events[0].occurred_time
        return [each for each in self.memberships if each.review_time and each.review_time <= first]

    @property
    def decided_times(self) -> list[datetime]:
        """The time that each event is decided for: its own, or that of the decision before."""
        before = [each.as_of for each in self.memberships if each.as_of is not None]
        times = [event.occurred_time for event in self.events]
        return list(accumulate([max([times[0], *before]), *times[1:]], max))


class DecisionHandlers:
    """Applies announced events: decides outside the transaction, then stores all of it in one.

    The transaction compares what the decision was based on and is made anew
    when a member has moved.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        deciding: Deciding,
        members: MembersClient,
        times: ProgramTimes,
        reviews: TierReviews,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._deciding, self._members = store, programs, deciding, members
        self._times, self._reviews, self._now, self._new_id = times, reviews, now, new_id

    async def apply(self, partition: int, inbound: Sequence[Inbound]) -> None:
        """Apply what was announced of some members of one program and partition."""
        for start in range(0, len(inbound), MEMBERS_MAX):
            await self._apply_group(partition, inbound[start : start + MEMBERS_MAX])

    async def _apply_group(self, partition: int, group: Sequence[Inbound]) -> None:
        redone = reviewed = 0
        while True:
            version = await self._programs.live(group[0].program_id)
            plans, more = await self._plan(version, group)
            if not plans:
                return
            time = await self._times.of(version.program)
            try:
                if overdue := [each for plan in plans for each in plan.overdue]:
                    reviewed += 1
                    await self._reviews.review(version, overdue, told_since=time - FRESH)
                    if reviewed > REVIEWS_MAX:
                        raise Contention
                    continue
                effects = await self._decide(version, plans)
                await self._store.transaction(partial(self._keep, partition, version, time, effects))
            except Moved:
                redone += 1
                if redone > REDONE_MAX:
                    raise Contention from None
                continue
            applied, planned = (sum(len(one.events) for one in each) for each in (effects, plans))
            APPLIED.labels("benefits", "event").inc(applied)
            if not more and applied == planned:
                return

    async def _plan(self, version: Version, group: Sequence[Inbound]) -> tuple[list[Plan], bool]:
        """What is still to be decided, as much of it as one call takes, and whether there may be more."""
        stored = await self._store.memberships([inbound.member_id for inbound in group])
        plans, steps, more = [], 0, False
        for inbound in group:
            memberships = _memberships(inbound, version.program.tier_sets, stored)
            room = (STEPS_MAX - steps) // len(memberships)
            # What an event earns depends on the tier that the one before it gave, and is asked for by rules.
            room = min(room, 1) if version.program.reads_points else room
            events = await self._due(inbound, memberships)
            # A page of pulled events may not be the last one.
            more = more or len(events) > room or len(events) >= PULL_EVENTS
            if events[:room]:
                plans.append(Plan(memberships, tuple(events[:room])))
                steps += len(events[:room]) * len(memberships)
            elif not events:
                SKIPPED.labels("benefits").inc(len(inbound.events))
        return plans, more

    async def _due(self, inbound: Inbound, memberships: Sequence[Membership]) -> list[MemberEvent]:
        """The events that follow the last applied one; what the stream did not bring is pulled."""
        applied = min(membership.applied_seq for membership in memberships)
        known = {REGISTRATION_SEQ: inbound.registration(), **inbound.events}
        following, missing = due(applied, known.items())
        if missing is not None:
            log("decisions").info("gap pulled", member_id=inbound.member_id, missing=missing)
            pulled = await self._members.events_after(inbound.program_id, inbound.member_id, missing - 1)
            following, missing = due(applied, (known | pulled.events).items())
            if missing is not None and not following:
                raise Unavailable("members does not give the events that are missing yet")
        return [event for _, event in following]

    async def _decide(self, version: Version, plans: Sequence[Plan]) -> list[Effect]:
        earned = await self._earned(version.program, plans)
        contracts = await self._contracts(version.program, plans)
        birthdays = await self._birthdays(version.program, plans)
        points = [
            qualifying_points(
                version.program,
                plan.events[0],
                plan.memberships,
                contracts=contracts.get(plan.member_id, ()),
                earned=earned.get(plan.member_id, {}),
                birthday=birthdays.get(plan.member_id),
            )
            if version.program.reads_points
            else {}
            for plan in plans
        ]
        subjects = [
            Subject(membership, steps)
            for plan, steps in zip(plans, await self._steps(version.program, plans, points), strict=True)
            for membership in plan.memberships
        ]
        receipts = iter(await self._deciding.decide(version, subjects))
        taken = [[next(receipts) for _ in plan.memberships] for plan in plans]
        # What follows the end of a term that one of them began is decided after the review.
        counts = [decided_before_reviews(plan.events, each) for plan, each in zip(plans, taken, strict=True)]
        return [
            effect(
                version.program,
                plan.events[:count],
                plan.memberships,
                [decided[:count] for decided in each],
                earned=earned.get(plan.member_id, {}),
                contracts=contracts.get(plan.member_id, ()),
                birthday=birthdays.get(plan.member_id),
                new_id=self._new_id,
            )
            for plan, each, count in zip(plans, taken, counts, strict=True)
        ]

    async def _steps(
        self, program: Program, plans: Sequence[Plan], points: Sequence[Mapping[str, int]]
    ) -> list[list[Step]]:
        """The events as steps: with the facts that they tell, and those that rules read besides."""
        names = sorted(program.member_facts - TOLD_BY_EVENTS)
        keys = [
            FactsKey(plan.member_id, at, event.seq)
            for plan in plans
            for event, at in zip(plan.events, plan.decided_times, strict=True)
            if event.seq > REGISTRATION_SEQ
        ]
        found = iter(await self._members.facts(program.key, keys, names) if names else ())
        return [
            [
                event_step(
                    event,
                    {
                        **(next(found) if names and event.seq > REGISTRATION_SEQ else {}),
                        **point_facts(had),
                    },
                )
                for event in plan.events
            ]
            for plan, had in zip(plans, points, strict=True)
        ]

    async def _earned(self, program: Program, plans: Sequence[Plan]) -> Mapping[str, Mapping[date, Earned]]:
        """What each member has earned on the days of these events, where caps ask for it.

        Read after the memberships: who has earned since then has moved on.
        """
        days = {
            (plan.member_id, business_date(event.occurred_time, program.time_zone))
            for plan in plans
            for event in plan.events
            if program.points.capped(event.kind)
        }
        earned: dict[str, dict[date, Earned]] = defaultdict(dict)
        for (member_id, day), found in (await earned_on(self._store, program.key, days)).items():
            earned[member_id][day] = found
        return earned

    async def _contracts(self, program: Program, plans: Sequence[Plan]) -> Mapping[str, Sequence[Contract]]:
        """The contracts of each member that may have granted a tier at the time of an event."""
        times = [event.occurred_time for plan in plans for event in plan.events]
        members = [plan.member_id for plan in plans]
        return await contracts_of(self._store, program, members, since=min(times), until=max(times))

    async def _birthdays(self, program: Program, plans: Sequence[Plan]) -> Mapping[str, Birthday]:
        """The birthdays of the members, where points may depend on them."""
        if not program.points.birthday_counts:
            return {}
        return await birthdays_of(self._store, [plan.member_id for plan in plans])

    async def _keep(
        self,
        partition: int,
        version: Version,
        time: datetime,
        effects: Sequence[Effect],
        benefits: BenefitsStore,
    ) -> None:
        now = self._now()
        moved = [one for each in effects for one in each.movements]
        movements = Movements.of_each_currency(version, partition, time, moved)
        issuers = [await issue(benefits, each) for each in movements]
        # Before anything is inserted: what another has posted meanwhile would be a duplicate key.
        await require_unmoved(benefits, effects)
        postings = [
            await post_movements(benefits, each, issuer=issuer, now=now, new_id=self._new_id)
            for each, issuer in zip(movements, issuers, strict=True)
        ]
        qualifying = version.program.points.qualifying
        effects = [with_tier_points(each, postings, qualifying) for each in effects]
        await benefits.keep_effects(effect_documents(effects, now))
        await reached.add(benefits, newly_reached(version.program, effects))
        await keep_earned(benefits, effects, now)
        announcements = [each for effect in effects for each in membership_changed(effect, postings)]
        announcements += [
            birthday_used(version.program.key, each.after[0].member_id, each.birthday_used)
            for each in effects
            if each.birthday_used is not None
        ]
        await tell_of_tiers(
            benefits,
            version.program,
            tier_news(version.program, effects, time=time, announcements=announcements),
            time=time,
            now=now,
            new_id=self._new_id,
        )


def _memberships(
    inbound: Inbound, tier_sets: Sequence[TierSet], stored: dict[str, Membership]
) -> tuple[Membership, ...]:
    """The member's membership in each tier set, as stored or before its first decision."""
    return tuple(
        stored.get(
            membership_id(inbound.program_id, inbound.member_id, tier_set.key),
            Membership(inbound.program_id, inbound.member_id, tier_set.key),
        )
        for tier_set in tier_sets
    )
