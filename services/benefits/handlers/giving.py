"""The use case of giving: what several of the staff give at the same time is posted in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.clock import business_date, months_later
from libs.common.mongo import Request
from libs.common.program import Program
from libs.common.together import Ask, Together, WriterQueue
from services.benefits.domain.adjustments import Adjustment, adjust, applied
from services.benefits.domain.ledger import ISSUER, Transaction
from services.benefits.handlers.drawing import Drawing
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import adjustments, day_counts
from services.benefits.repository.day_counts import Day
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

# What a day counts of one of the staff: the points that they gave and took by themselves.
ADJUSTED = "adjusted"
# One transaction stays short, and so does the wait for a turn.
AT_ONCE, WAITING_MAX = 50, 500


class Giving:
    """Gives points, as far as one person may give them alone; what is more waits for another.

    Nothing is refused here, so no gift fails for another in its transaction.
    """

    def __init__(
        self,
        store: BenefitsStore,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._times, self._now = store, times, now
        self._drawing = Drawing(now, new_id)
        self._together: Together[str] = Together(
            WriterQueue(WAITING_MAX), self._alone, self._each, at_once=AT_ONCE
        )

    async def give(self, asked: Adjustment, request: Request[M], answer: Callable[[Adjustment], M]) -> M:
        """Give what is asked for, maybe in one transaction with what others give."""
        return await self._together.answer(asked.program_id, Ask(request, [asked], answer))

    async def _alone(self, program_id: str, ask: Ask[Any]) -> Message:
        program, time = await self._times.now_in(program_id)

        async def attempt(benefits: BenefitsStore) -> Message:
            return (await self._given(benefits, program, time, [ask]))[0]

        return await self._store.once(ask.request, attempt, now=self._now)

    async def _each(self, program_id: str, asks: Sequence[Ask[Any]]) -> Sequence[object]:
        program, time = await self._times.now_in(program_id)

        async def attempt(benefits: BenefitsStore, new: Sequence[int]) -> Sequence[Message]:
            return await self._given(benefits, program, time, [asks[place] for place in new])

        return await self._store.once_each([ask.request for ask in asks], attempt, now=self._now)

    async def _given(
        self, benefits: BenefitsStore, program: Program, time: datetime, asks: Sequence[Ask[Any]]
    ) -> list[Message]:
        asked: list[Adjustment] = [ask.batch[0] for ask in asks]
        counted = await self._counted(benefits, program, asked)
        alone = [each for each, may in zip(asked, counted, strict=True) if may]
        posted = await self._posted(benefits, program, alone, time)
        after = [
            applied(each, posted[each.adjustment_id], by="") if each.adjustment_id in posted else each
            for each in asked
        ]
        await adjustments.add(benefits, after)
        acts = [
            (ask.context, act_of(ask.request, None, each, each.reason))
            for ask, each in zip(asks, after, strict=True)
        ]
        await trail.record_each(benefits.database, benefits.session, acts, now=self._now())
        return [ask.answer(each) for ask, each in zip(asks, after, strict=True)]

    async def _counted(
        self, benefits: BenefitsStore, program: Program, asked: Sequence[Adjustment]
    ) -> list[bool]:
        """Which stay within what one person gives on a day alone; these count: the first write."""
        wanted = [(adjusted_day(program, each.asked_by, self._now()), abs(each.points)) for each in asked]
        most = program.points.adjustments.alone_daily_points
        return await day_counts.count_within(benefits, wanted, most=most, now=self._now())

    async def _posted(
        self, benefits: BenefitsStore, program: Program, given: Sequence[Adjustment], time: datetime
    ) -> Mapping[str, Transaction]:
        """Post gifts, each as a transaction of the ledger; gives these by adjustment."""
        if not given:
            return {}
        postings = await self._drawing.open_each(
            benefits, program, [each.member_id for each in given], ISSUER
        )
        ends = ending(program, time)
        posted = {
            each.adjustment_id: adjust(postings[each.member_id], each, time=time, expire_time=ends)
            for each in given
        }
        await self._drawing.keep(benefits, *{each.stripe: each for each in postings.values()}.values())
        return posted


def adjusted_day(program: Program, subject: str, now: datetime) -> Day:
    """Where it is counted what one of the staff adjusts alone on a business day."""
    return Day(program.key, ADJUSTED, subject, business_date(now, program.time_zone).isoformat())


def ending(program: Program, time: datetime) -> datetime | None:
    """When points end that are given now."""
    months = program.points.expire_after_months
    return None if months is None else months_later(time, months)


def act_of(request: Request[Any], before: Adjustment | None, after: Adjustment, reason: str) -> Act:
    """What the audit log says of an adjustment."""
    return Act(
        request,
        [after.member_id, after.adjustment_id],
        reason=reason,
        before=None if before is None else _audited(before),
        after=_audited(after),
    )


def _audited(adjustment: Adjustment) -> Mapping[str, object]:
    return {"points": str(adjustment.points), "state": str(adjustment.state)}
