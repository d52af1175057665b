"""Use cases around grants: the staff give rewards without points, and a second person decides large ones."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.caller import caller
from libs.common.clock import business_date, milliseconds
from libs.common.homes import seen_home
from libs.common.mongo import Request
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.redemptions import Grant, Redemption, approved, granted, rejected
from services.benefits.domain.reward_obstacles import require_none, shortage
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.redemptions import reached, record, told
from services.benefits.handlers.reward_coupons import given_coupon
from services.benefits.handlers.reward_stock import Taken, counters_of, known, take
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.turns import Turns
from services.benefits.repository import day_counts, redemptions, rewards
from services.benefits.repository.day_counts import Day
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Redemption], M]

GRANTED = "granted"


class GrantHandlers:
    """Gives rewards without points, under the eyes of two where it is much."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        turns: Turns,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times, self._turns = store, programs, times, turns
        self._now, self._new_id = now, new_id

    async def grant(
        self,
        program_id: str,
        member_id: str,
        reward_id: str,
        explanation: str,
        request: Request[M],
        answer: Answer[M],
    ) -> M:
        """Reserve a reward for a member, or ask for a second person's approval."""
        home = await seen_home(self._store.database, program_id, member_id)
        if home is None:
            raise MemberUnknown(member_id=member_id)
        wanted = await rewards.one(self._store, program_id, reward_id)
        counted = wanted is not None and wanted.counted
        program = (await self._programs.live(program_id)).program
        time = milliseconds(await self._times.of(program))
        day, by = business_date(time, program.time_zone).isoformat(), caller().subject

        async def attempt(benefits: BenefitsStore) -> M:
            offered = await known(benefits, program_id, reward_id)
            # What they give the same member in small parts is as much.
            given = Day(program_id, GRANTED, f"{member_id}/{by}", day)
            value_minor = offered.terms.value_minor
            before = await day_counts.count(benefits, given, amount=value_minor, now=self._now())
            at_once = before.amount + value_minor <= program.rewards.grant_limit_minor
            # What is pending takes nothing yet.
            taken = (
                await take(benefits, program_id, reward_id, counted=counted) if at_once else Taken(offered)
            )
            require_none(shortage(taken.reward, time, taken.campaign))
            redemption = granted(
                taken.reward,
                member_id,
                Grant(by, explanation),
                at_once=at_once,
                redemption_id=self._new_id("rdm"),
                day=day,
                now=time,
            )
            redemption = await self._with_coupon(benefits, redemption, taken, time)
            await redemptions.add(benefits, redemption, home)
            await told(benefits, redemption, self._now())
            await record(benefits, request, None, redemption, self._now(), explanation)
            return answer(redemption)

        async with self._turns.of(counters_of(wanted)):
            return await self._store.once(request, attempt, now=self._now)

    async def approve(
        self, program_id: str, redemption_id: str, decision: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Reserve what somebody else wanted to give, if there is one left."""
        program = (await self._programs.live(program_id)).program
        time, by = milliseconds(await self._times.of(program)), caller().subject

        async def attempt(benefits: BenefitsStore) -> M:
            before = await reached(benefits, program_id, redemption_id)
            wanted = await known(benefits, program_id, before.reward_id)
            taken = await take(benefits, program_id, before.reward_id, counted=wanted.counted)
            after = approved(before, taken.reward, by=by, decision=decision, now=time)
            require_none(shortage(taken.reward, time, taken.campaign))
            after = await self._with_coupon(benefits, after, taken, time)
            await self._keep(benefits, before, after, request)
            return answer(after)

        return await self._store.once(request, attempt, now=self._now)

    async def reject(
        self, program_id: str, redemption_id: str, decision: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Say no to what somebody else wanted to give."""
        program = (await self._programs.live(program_id)).program
        time, by = milliseconds(await self._times.of(program)), caller().subject

        async def attempt(benefits: BenefitsStore) -> M:
            before = await reached(benefits, program_id, redemption_id)
            after = rejected(before, by=by, decision=decision, now=time)
            await self._keep(benefits, before, after, request)
            return answer(after)

        return await self._store.once(request, attempt, now=self._now)

    async def _with_coupon(
        self, benefits: BenefitsStore, redemption: Redemption, taken: Taken, time: datetime
    ) -> Redemption:
        """A grant with the coupon that the reward gives, if it gives one."""
        if taken.campaign is None:
            return redemption
        now, new_id = self._now(), self._new_id
        return await given_coupon(benefits, redemption, taken.campaign, time, now=now, new_id=new_id)

    async def _keep(
        self, benefits: BenefitsStore, before: Redemption, after: Redemption, request: Request[M]
    ) -> None:
        decision = after.grant.decision if after.grant else ""
        await redemptions.replace(benefits, after)
        await told(benefits, after, self._now())
        await record(benefits, request, before, after, self._now(), decision)
