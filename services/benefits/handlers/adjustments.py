"""Use cases of adjustments: the staff give points and take them, and above a limit it takes two of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.caller import caller
from libs.common.homes import is_visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.adjustments import (
    Adjustment,
    adjust,
    applied,
    rejected,
    require_second,
)
from services.benefits.domain.errors import AdjustmentUnknown, MemberUnknown
from services.benefits.domain.ledger import ISSUER, REVERSED
from services.benefits.handlers.drawing import Drawing, load_lots
from services.benefits.handlers.giving import Giving, act_of, adjusted_day, ending
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import adjustments, day_counts
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Adjustment], M]


class AdjustmentHandlers:
    """Asks for, approves and rejects adjustments, each with its audit record."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id, self._drawing = now, new_id, Drawing(now, new_id)
        self._giving = Giving(store, times, now=now, new_id=new_id)

    async def ask(
        self,
        program_id: str,
        member_id: str,
        *,
        points: int,
        reason: str,
        request: Request[M],
        answer: Answer[M],
    ) -> M:
        """Adjust at once as far as one person may, or let it wait for another."""
        await self._require_visible(program_id, member_id)
        asked = Adjustment(
            adjustment_id=self._new_id("adj"),
            program_id=program_id,
            member_id=member_id,
            points=points,
            reason=reason,
            asked_by=caller().subject,
            asked_time=self._now(),
        )
        if points > 0:
            return await self._giving.give(asked, request, answer)
        program, time = await self._times.now_in(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            alone = await self._may_alone(benefits, program, asked)
            after = await self._applied(benefits, program, asked, time, by="") if alone else asked
            return answer(await self._kept(benefits, request, None, after, reason))

        return await self._store.once(request, attempt, now=self._now)

    async def approve(self, program_id: str, adjustment_id: str, request: Request[M], answer: Answer[M]) -> M:
        """Apply what somebody else asked for."""
        program, time = await self._times.now_in(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, adjustment_id)
            require_second(before, by=caller().subject)
            after = await self._applied(benefits, program, before, time, by=caller().subject)
            return answer(await self._kept(benefits, request, before, after, before.reason))

        return await self._store.once(request, attempt, now=self._now)

    async def reject(
        self, program_id: str, adjustment_id: str, reason: str, request: Request[M], answer: Answer[M]
    ) -> M:
        """Let an adjustment be."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await self._known(benefits, program_id, adjustment_id)
            after = rejected(before, by=caller().subject, now=self._now())
            return answer(await self._kept(benefits, request, before, after, reason))

        return await self._store.once(request, attempt, now=self._now)

    async def pending(self, program_id: str, *, after: str, limit: int) -> tuple[list[Adjustment], str]:
        """Those that wait, with the place to go on from if there are more."""
        await self._programs.live(program_id)
        found = await adjustments.pending(self._store, program_id, after=after, limit=limit + 1)
        return found[:limit], found[limit - 1].adjustment_id if len(found) > limit else ""

    async def _may_alone(self, benefits: BenefitsStore, program: Program, asked: Adjustment) -> bool:
        """Whether it stays within what one person adjusts on a day alone; then it counts: the first write."""
        day, points = adjusted_day(program, asked.asked_by, self._now()), abs(asked.points)
        before = await day_counts.count(benefits, day, amount=points, now=self._now())
        if before.amount + points <= program.points.adjustments.alone_daily_points:
            return True
        await day_counts.uncount(benefits, day, amount=points, times=1)
        return False

    async def _applied(
        self, benefits: BenefitsStore, program: Program, asked: Adjustment, time: datetime, *, by: str
    ) -> Adjustment:
        posting = await self._drawing.open(benefits, program, [asked.member_id], ISSUER, REVERSED)
        if asked.points < 0:
            await load_lots(benefits, posting, asked.member_id, -asked.points, time=time)
        transaction = adjust(posting, asked, time=time, expire_time=ending(program, time))
        await self._drawing.keep(benefits, posting)
        return applied(asked, transaction, by=by)

    async def _kept(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        before: Adjustment | None,
        after: Adjustment,
        reason: str,
    ) -> Adjustment:
        await adjustments.keep(benefits, after)
        act = act_of(request, before, after, reason)
        await trail.record(benefits.database, benefits.session, act, now=self._now())
        return after

    async def _known(self, benefits: BenefitsStore, program_id: str, adjustment_id: str) -> Adjustment:
        """An adjustment of a member whom the caller may see."""
        found = await adjustments.one(benefits, program_id, adjustment_id)
        if found is None or not await is_visible(benefits.database, program_id, found.member_id):
            raise AdjustmentUnknown(adjustment_id=adjustment_id)
        return found

    async def _require_visible(self, program_id: str, member_id: str) -> None:
        if not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
