"""The main use case: what members did becomes tiers with receipts, and points in the ledger."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from libs.common.birthdays import Birthday
from libs.common.clock import business_date
from libs.common.consumer import due
from libs.common.errors import Contention, Unavailable
from libs.common.program import Program, TierSet
from libs.common.telemetry import APPLIED, SKIPPED, log
from services.benefits.clients import PULL_EVENTS, MembersClient, ScoringClient, Subject
from services.benefits.domain.contracts import Contract
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.effects import Effect, effect
from services.benefits.domain.memberships import (
    REGISTRATION_SEQ,
    Inbound,
    MemberEvent,
    Membership,
    membership_id,
)
from services.benefits.domain.programs import Version
from services.benefits.handlers.points import Movements, issue, post_movements
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import contracts_of
from services.benefits.handlers.telling import tell_of_tiers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.outbox import birthday_used, membership_changed
from services.benefits.repository.birthdays import birthdays_of
from services.benefits.repository.earned_days import earned_on, keep_earned
from services.benefits.repository.store import BenefitsStore

MEMBERS_MAX = 50
STEPS_MAX = 500
REDONE_MAX = 20


class Moved(Exception):
    """Another consumer has applied events of these members meanwhile; what was decided is out of date."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be decided for one member: the memberships as they are, and the events due."""

    memberships: tuple[Membership, ...]
    events: tuple[MemberEvent, ...]

    @property
    def member_id(self) -> str:
        return self.memberships[0].member_id


class DecisionHandlers:
    """Applies announced events: decides outside the transaction, then stores all of it in one.

    The transaction compares what the decision was based on and is made anew
    when a member has moved.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        scoring: ScoringClient,
        members: MembersClient,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._scoring, self._members = store, programs, scoring, members
        self._times, self._now, self._new_id = times, now, new_id

    async def apply(self, partition: int, inbound: Sequence[Inbound]) -> None:
        """Apply what was announced of some members of one program and partition."""
        for start in range(0, len(inbound), MEMBERS_MAX):
            await self._apply_group(partition, inbound[start : start + MEMBERS_MAX])

    async def _apply_group(self, partition: int, group: Sequence[Inbound]) -> None:
        redone = 0
        while True:
            version = await self._programs.live(group[0].program_id)
            plans, more = await self._plan(version, group)
            if not plans:
                return
            effects = await self._decide(version, plans)
            time = await self._times.of(version.program)
            try:
                await self._store.transaction(partial(self._keep, partition, version, time, effects))
            except Moved:
                redone += 1
                if redone > REDONE_MAX:
                    raise Contention from None
                continue
            APPLIED.labels("benefits", "event").inc(sum(len(plan.events) for plan in plans))
            if not more:
                return

    async def _plan(self, version: Version, group: Sequence[Inbound]) -> tuple[list[Plan], bool]:
        """What is still to be decided, as much of it as one call takes, and whether there may be more."""
        stored = await self._store.memberships([inbound.member_id for inbound in group])
        plans, steps, more = [], 0, False
        for inbound in group:
            memberships = _memberships(inbound, version.program.tier_sets, stored)
            room = (STEPS_MAX - steps) // len(memberships)
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
        subjects = [Subject(membership, plan.events) for plan in plans for membership in plan.memberships]
        receipts = iter(await self._scoring.decide(version, subjects))
        earned = await self._earned(version.program, plans)
        contracts = await self._contracts(version.program, plans)
        birthdays = await self._birthdays(version.program, plans)
        return [
            effect(
                version.program,
                plan.events,
                plan.memberships,
                [next(receipts) for _ in plan.memberships],
                earned=earned.get(plan.member_id, {}),
                contracts=contracts.get(plan.member_id, ()),
                birthday=birthdays.get(plan.member_id),
                new_id=self._new_id,
            )
            for plan in plans
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
        await _require_unmoved(benefits, effects)
        postings = [
            await post_movements(benefits, each, issuer=issuer, now=now, new_id=self._new_id)
            for each, issuer in zip(movements, issuers, strict=True)
        ]
        await benefits.keep_effects(effects, now)
        await keep_earned(benefits, effects, now)
        announcements = [each for effect in effects for each in membership_changed(effect, postings)]
        announcements += [
            birthday_used(version.program.key, each.after[0].member_id, each.birthday_used)
            for each in effects
            if each.birthday_used is not None
        ]
        await benefits.announce(announcements, now)
        await tell_of_tiers(benefits, version.program, effects, time=time, now=now, new_id=self._new_id)


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


async def _require_unmoved(benefits: BenefitsStore, effects: Sequence[Effect]) -> None:
    """Read the memberships again, inside the transaction, and compare what the decisions were based on."""
    stored = await benefits.memberships(each.before[0].member_id for each in effects)
    for each in effects:
        for before in each.before:
            current = stored.get(before.membership_id)
            if (current.version if current else 0) != before.version:
                raise Moved
