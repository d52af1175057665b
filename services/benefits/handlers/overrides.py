"""Use cases of overrides: staff give a tier by hand, approve what another asked for, and end it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.calendar import FRESH
from libs.common.caller import caller
from libs.common.clock import milliseconds
from libs.common.errors import Contention, InvalidRequest
from libs.common.homes import is_visible
from libs.common.mongo import Request
from services.benefits.clients import MembersClient
from services.benefits.domain.effects import Effect
from services.benefits.domain.errors import MemberUnknown, TierOverrideUnknown
from services.benefits.domain.memberships import Look, Membership, Order, Step, membership_id
from services.benefits.domain.overrides import (
    OverrideState,
    TierOverride,
    applied,
    needs_second,
    over,
    rank_of,
    require_second,
)
from services.benefits.domain.programs import Version, tier_set_of
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.known_facts import known_facts
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.runs import decided_alone, keep_run, run_of
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.unmoved import Moved
from services.benefits.repository import overrides
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[TierOverride], M]
TRIES_MAX = 20


@dataclass(frozen=True, slots=True)
class Moment:
    """The live version and the program's time, and what has been decided by them, if anything has."""

    version: Version
    time: datetime
    effect: Effect | None


class Undecided(Exception):
    """A transaction found what is to be decided outside of it first."""

    def __init__(self, membership: Membership, override_id: str, order: Order) -> None:
        super().__init__(membership.membership_id)
        self.membership, self.override_id, self.order = membership, override_id, order


class OverrideHandlers:
    """Asks for, approves and ends overrides, each with its audit record and the decision that it makes.

    What is checked is checked in the transaction; what is decided there is
    decided outside of it, on the membership as the transaction found it.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        members: MembersClient,
        deciding: Deciding,
        reviews: TierReviews,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times, self._members = store, programs, times, members
        self._deciding, self._reviews, self._now, self._new_id = deciding, reviews, now, new_id

    async def ask(self, asked: TierOverride, request: Request[M], answer: Answer[M]) -> M:
        """Give a lower tier at once, or let another one wait for somebody else."""

        async def attempt(moment: Moment, benefits: BenefitsStore) -> M:
            tier_set = tier_set_of(moment.version.program, asked.tier_set)
            membership = await self._membership(benefits, asked)
            await self._require_sound(benefits, asked, membership, moment.time)
            after = asked
            if not needs_second(tier_set, held=membership.tier, tier=asked.tier):
                after = await self._applied(benefits, moment, asked, membership, by="")
            return answer(await self._kept(benefits, request, None, after, asked.explanation))

        return await self._once(asked.program_id, request, attempt)

    async def approve(self, program_id: str, override_id: str, request: Request[M], answer: Answer[M]) -> M:
        """Apply what somebody else asked for."""

        async def attempt(moment: Moment, benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, override_id)
            require_second(before, by=caller().subject, time=moment.time)
            # A version since then may know the tier no more.
            rank_of(tier_set_of(moment.version.program, before.tier_set), before.tier)
            membership = await self._membership(benefits, before)
            after = await self._applied(benefits, moment, before, membership, by=caller().subject)
            return answer(await self._kept(benefits, request, before, after, before.explanation))

        return await self._once(program_id, request, attempt)

    async def end(
        self, program_id: str, override_id: str, explanation: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Have rules decide again; or reject, or withdraw, what waits."""

        async def attempt(moment: Moment, benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, override_id)
            after = over(before, by=caller().subject, time=moment.time, now=self._now())
            if after.state is OverrideState.ENDED:
                membership = await self._membership(benefits, before)
                order = Order(code=before.code)
                await self._decided_in(benefits, moment, membership, before.override_id, order)
            return answer(await self._kept(benefits, request, before, after, explanation))

        return await self._once(program_id, request, attempt)

    async def listed(
        self, program_id: str, member_id: str, *, pending: bool, before: str, limit: int
    ) -> tuple[list[TierOverride], str]:
        """A page of those there are, with the place to go on from if there are more."""
        await self._programs.live(program_id)
        if member_id and not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        found = await overrides.listed(
            self._store, program_id, member_id, pending=pending, before=before, limit=limit + 1
        )
        return found[:limit], found[limit - 1].override_id if len(found) > limit else ""

    async def _once(
        self,
        program_id: str,
        request: Request[M],
        attempt: Callable[[Moment, BenefitsStore], Awaitable[M]],
    ) -> M:
        effect: Effect | None = None
        for _ in range(TRIES_MAX):
            version = await self._programs.live(program_id)
            time = milliseconds(await self._times.of(version.program))
            moment = Moment(version, time, effect)
            try:
                return await self._store.once(request, partial(attempt, moment), now=self._now)
            except Undecided as needed:
                effect = await self._decided(moment, needed)
            except Moved:
                effect = None
        raise Contention

    async def _decided(self, moment: Moment, needed: Undecided) -> Effect | None:
        """What an order comes to; nothing where the end of a term came first and was decided instead."""
        membership, version = needed.membership, moment.version
        if membership.review_time is not None and membership.review_time <= moment.time:
            await self._reviews.review(version, [membership], told_since=moment.time - FRESH)
            return None
        facts = await known_facts(self._members, version, [membership], moment.time)
        step = Step(
            Look.OVERRIDE,
            moment.time,
            facts[membership.membership_id],
            run_id=f"override:{needed.override_id}",
            given=needed.order,
        )
        (effect,) = await decided_alone(self._deciding, version, [(membership, step)], self._new_id)
        return effect

    async def _decided_in(
        self,
        benefits: BenefitsStore,
        moment: Moment,
        membership: Membership,
        override_id: str,
        order: Order,
    ) -> str:
        """Keep what was decided on the membership as it is, if that has been done; gives the decision."""
        effect = moment.effect
        if effect is None or effect.before != (membership,):
            raise Undecided(membership, override_id, order)
        run = run_of(
            moment.version.program,
            [effect],
            announced=[effect],
            time=moment.time,
            now=self._now(),
            told_since=moment.time - FRESH,
        )
        await keep_run(benefits, run, new_id=self._new_id)
        return effect.decisions[0].decision_id

    async def _applied(
        self,
        benefits: BenefitsStore,
        moment: Moment,
        asked: TierOverride,
        membership: Membership,
        *,
        by: str,
    ) -> TierOverride:
        decision_id = await self._decided_in(benefits, moment, membership, asked.override_id, asked.order)
        after = applied(asked, decision_id, by=by, now=self._now())
        await overrides.end_others(benefits, after, self._now())
        return after

    async def _require_sound(
        self, benefits: BenefitsStore, asked: TierOverride, membership: Membership, time: datetime
    ) -> None:
        if asked.until_time is not None and asked.until_time <= time:
            raise InvalidRequest(until_time="is past")
        if asked.decision_id:
            about = (await benefits.decisions([asked.decision_id])).get(asked.decision_id)
            if about is None or about.membership_id != membership.membership_id:
                raise InvalidRequest(decision_id="is no decision of this member in this tier set")

    async def _membership(self, benefits: BenefitsStore, of: TierOverride) -> Membership:
        if not await is_visible(benefits.database, of.program_id, of.member_id):
            raise MemberUnknown(member_id=of.member_id)
        found = await benefits.memberships_of([membership_id(of.program_id, of.member_id, of.tier_set)])
        if not found:
            raise MemberUnknown(member_id=of.member_id)
        return found[0]

    async def _known(self, benefits: BenefitsStore, program_id: str, override_id: str) -> TierOverride:
        found = await overrides.one(benefits, program_id, override_id)
        if found is None or not await is_visible(benefits.database, program_id, found.member_id):
            raise TierOverrideUnknown(override_id=override_id)
        return found

    async def _kept(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        before: TierOverride | None,
        after: TierOverride,
        reason: str,
    ) -> TierOverride:
        await overrides.keep(benefits, after)
        act = Act(
            request,
            [after.member_id, after.override_id],
            reason=reason,
            before=None if before is None else _audited(before),
            after=_audited(after),
        )
        await trail.record(benefits.database, benefits.session, act, now=self._now())
        return after


def _audited(override: TierOverride) -> dict[str, object]:
    until = override.until_time
    return {
        "tier_set": override.tier_set,
        "tier": override.tier,
        "until": "" if until is None else until.isoformat(),
        "code": override.code,
        "state": str(override.state),
    }
