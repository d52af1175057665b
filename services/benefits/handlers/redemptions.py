"""Use cases around redemptions: reserve a reward, say that it was given, or take it back."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.caller import caller
from libs.common.clock import business_date, milliseconds
from libs.common.homes import seen_home, visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.errors import MemberUnknown, RedemptionUnknown
from services.benefits.domain.holds import Charge
from services.benefits.domain.redemptions import (
    SOURCE,
    Redemption,
    RedemptionState,
    cancelled,
    fulfilled,
    reserved,
)
from services.benefits.domain.reward_obstacles import obstacles, require_none
from services.benefits.domain.rewards import Reward
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reward_checks import standings
from services.benefits.handlers.reward_coupons import given_coupon, take_back_coupon
from services.benefits.handlers.reward_stock import Taken, counters, counters_of, take
from services.benefits.handlers.spending import Spending
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.turns import Turns
from services.benefits.outbox import redemption_changed
from services.benefits.repository import redemptions, rewards
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Redemption], M]


class RedemptionHandlers:
    """Moves redemptions from state to state, in one transaction with their points and the stock."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        spending: Spending,
        turns: Turns,
        limits: LimitRefusals,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._spending, self._turns, self._limits = spending, turns, limits
        self._now, self._new_id = now, new_id

    async def redeem(
        self, program_id: str, member_id: str, reward_id: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Reserve a reward, if nothing stands against it."""
        home = await seen_home(self._store.database, program_id, member_id)
        if home is None:
            raise MemberUnknown(member_id=member_id)
        wanted = await rewards.one(self._store, program_id, reward_id)
        counted = wanted is not None and wanted.counted
        program, time = await self._program(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            taken = await take(benefits, program_id, reward_id, counted=counted)
            await _require_available(benefits, program, time, member_id, taken)
            redemption = await self._paid(benefits, program, time, member_id, taken.reward)
            if taken.campaign is not None:
                redemption = await given_coupon(
                    benefits, redemption, taken.campaign, time, now=self._now(), new_id=self._new_id
                )
            await redemptions.add(benefits, redemption, home)
            await told(benefits, redemption, self._now())
            await record(benefits, request, None, redemption, self._now())
            return answer(redemption)

        async with self._limits.told(program, member_id, time), self._turns.of(counters_of(wanted)):
            return await self._store.once(request, attempt, now=self._now)

    async def _paid(
        self, benefits: BenefitsStore, program: Program, time: datetime, member_id: str, reward: Reward
    ) -> Redemption:
        """A redemption whose points are held, or spent at once where its coupon comes with it."""
        terms, redemption_id = reward.terms, self._new_id("rdm")
        charge = Charge(
            member_id=member_id,
            points=terms.price_points,
            money_minor=terms.value_minor,
            source=SOURCE,
            external_ref=redemption_id,
            point_type=terms.point_type,
        )
        if terms.coupon_campaign:
            held = await self._spending.redeem(benefits, program, charge, time=time)
        else:
            # Without an end of its own: it is resolved with the redemption, by the program's clock.
            held = await self._spending.hold(benefits, program, charge, time=time, expires_time=None)
        return reserved(
            reward,
            member_id,
            redemption_id=redemption_id,
            hold_id=held.hold_id,
            day=business_date(time, program.time_zone).isoformat(),
            now=time,
        )

    async def fulfil(self, program_id: str, redemption_id: str, request: Request[M], answer: Answer[M]) -> M:
        """Spend the points of what the member was given."""
        program, time = await self._program(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await reached(benefits, program_id, redemption_id)
            after = fulfilled(before, time)
            if before.hold_id:
                await self._spending.capture(benefits, program, before.hold_id, time=time)
            await self._keep(benefits, request, before, after)
            return answer(after)

        return await self._store.once(request, attempt, now=self._now)

    async def cancel(
        self, program_id: str, redemption_id: str, reason: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Take a redemption back."""
        program, time = await self._program(program_id)
        by_member = caller().kind == "member"
        found = await redemptions.one(self._store, program_id, redemption_id)
        taken = [] if found is None else counters(program_id, found.reward_id, counted=found.counted)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await reached(benefits, program_id, redemption_id)
            after = cancelled(before, time, by_member=by_member)
            await take_back_coupon(benefits, before)
            await take_back(benefits, self._spending, program, before, time)
            await self._keep(benefits, request, before, after, reason)
            return answer(after)

        async with self._turns.of(taken):
            return await self._store.once(request, attempt, now=self._now)

    async def _keep(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        before: Redemption,
        after: Redemption,
        reason: str = "",
    ) -> None:
        await redemptions.replace(benefits, after)
        await told(benefits, after, self._now())
        await record(benefits, request, before, after, self._now(), reason)

    async def _program(self, program_id: str) -> tuple[Program, datetime]:
        """The program as it is now, and what time it is there."""
        program = (await self._programs.live(program_id)).program
        return program, milliseconds(await self._times.of(program))


async def _require_available(
    benefits: BenefitsStore, program: Program, time: datetime, member_id: str, taken: Taken
) -> None:
    """Refuse what a member may not have, by what they hold in this transaction."""
    reward, campaign = taken.reward, taken.campaign
    campaigns = {} if campaign is None else {campaign.key: campaign}
    wanted, keys = {reward.reward_id: reward}, [(member_id, reward.reward_id)]
    standing = await standings(benefits, program, time, keys, wanted, campaigns)
    require_none(obstacles(reward, standing[member_id], program, time, campaign))


async def reached(benefits: BenefitsStore, program_id: str, redemption_id: str) -> Redemption:
    """A redemption of a member whom the caller may see, or RedemptionUnknown."""
    found = await redemptions.one(benefits, program_id, redemption_id)
    if found is None or not await visible(benefits.database, program_id, [found.member_id]):
        raise RedemptionUnknown(redemption_id=redemption_id)
    return found


async def take_back(
    benefits: BenefitsStore, spending: Spending, program: Program, redemption: Redemption, time: datetime
) -> None:
    """Return what a live redemption took: its place in the stock first, then its points, held or spent."""
    if redemption.counted:
        await rewards.put_back(benefits, redemption.program_id, redemption.reward_id)
    if not redemption.hold_id:
        return
    if redemption.state is RedemptionState.RESERVED:
        await spending.release(benefits, program, redemption.hold_id, time=time)
    else:
        await spending.give_back(benefits, program, redemption.hold_id, key=redemption.key, time=time)


async def told(benefits: BenefitsStore, redemption: Redemption, now: datetime) -> None:
    """Announce a redemption as it is now, to whoever watches the member."""
    await benefits.announce(redemption_changed(redemption), now)


async def record(
    benefits: BenefitsStore,
    request: Request[Any],
    before: Redemption | None,
    after: Redemption,
    now: datetime,
    reason: str = "",
) -> None:
    """Leave the audit record of what somebody did to a redemption."""
    objects = [after.member_id, after.redemption_id, after.reward_id]
    act = Act(request, objects, reason=reason, before=_audited(before), after=_audited(after))
    await trail.record(benefits.database, benefits.session, act, now=now)


def _audited(redemption: Redemption | None) -> Mapping[str, object] | None:
    if redemption is None:
        return None
    return {
        "state": str(redemption.state),
        "reward_version": redemption.reward_version,
        "price_points": redemption.price_points,
        "coupon_id": redemption.coupon_id,
        "value_minor": redemption.value_minor,
    }
