"""Use cases of tills: reserve coupons for a check, use them, or give them back."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.caller import caller
from libs.common.clock import business_date, milliseconds
from libs.common.errors import Contention
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.coupon_messages import quote_message
from services.benefits.domain.coupon_quotes import Quote
from services.benefits.domain.coupon_reservations import (
    Item,
    Reservation,
    cancelled,
    end_of,
    items_of,
    used,
)
from services.benefits.domain.coupons import Campaign
from services.benefits.domain.errors import (
    BusinessKeyConflict,
    CouponNotApplicable,
    CouponReservationUnknown,
)
from services.benefits.handlers.coupon_quotes import Check, CouponQuotes
from services.benefits.handlers.limit_refusals import LimitRefusals
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.turns import Turns
from services.benefits.outbox import birthday_used
from services.benefits.repository import coupon_campaigns, coupon_reservations, coupons
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Reservation], M]

REDONE_MAX = 20


class Changed(Exception):
    """What was counted with has been taken by somebody else meanwhile."""


class ReservationHandlers:
    """Moves reservations from state to state, each with what it takes or gives back in one transaction."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        quotes: CouponQuotes,
        limits: LimitRefusals,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._quotes, self._limits = quotes, limits
        self._now, self._new_id, self._turns = now, new_id, Turns()

    async def reserve(self, check: Check, check_ref: str, request: Request[M], answer: Answer[M]) -> M:
        """Reserve what a quote counts, if it counts all that is asked for; the same check gets the same.

        It is counted before the transaction, which takes it; when somebody
        else got in first it is counted anew, and then says what is gone.
        """
        for _ in range(REDONE_MAX):
            if await self._before(check.program_id, check_ref):
                return await self._again(check, check_ref, request, answer)
            quote = await self._quotes.quote(check)
            # What is refused may have been taken for this very check, right after we looked.
            if quote.refused and await self._before(check.program_id, check_ref):
                continue
            program = (await self._programs.live(check.program_id)).program
            async with self._limits.told(program, check.member_id, quote.time):
                _require_all(quote)
            fresh = self._reservation(program, check, check_ref, quote)
            try:
                return await self._take(fresh, quote, request, answer)
            except Changed:
                continue
        raise Contention

    async def use(self, program_id: str, check_ref: str, request: Request[M], answer: Answer[M]) -> M:
        """Keep what was reserved for a check as used."""
        time = await self._time(program_id)

        async def attempt(benefits: BenefitsStore) -> M:
            before = await _of_check(benefits, program_id, check_ref)
            after = used(before, time)
            if after != before:
                await coupon_reservations.keep(benefits, [after])
                if after.for_birthday:
                    await benefits.announce([birthday_used(program_id, after.member_id, time)], self._now())
            return answer(after)

        return await self._store.once(request, attempt, now=self._now)

    async def cancel(self, program_id: str, check_ref: str, request: Request[M], answer: Answer[M]) -> M:
        """Give back what was reserved for a check, or used and may be returned."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await _of_check(benefits, program_id, check_ref)
            after, back = cancelled(before)
            if after != before:
                await coupon_reservations.give_back(benefits, back)
                await coupon_reservations.keep(benefits, [after])
            return answer(after)

        found = await self._before(program_id, check_ref)
        async with self._turns.of(each.campaign_id for each in (found.items if found else ())):
            return await self._store.once(request, attempt, now=self._now)

    async def _before(self, program_id: str, check_ref: str) -> Reservation | None:
        return await coupon_reservations.of_check(self._store, program_id, caller().subject, check_ref)

    async def _again(self, check: Check, check_ref: str, request: Request[M], answer: Answer[M]) -> M:
        """The reservation that there is for a check."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await _of_check(benefits, check.program_id, check_ref)
            if before.asked_digest != check.digest:
                raise BusinessKeyConflict(check_ref=check_ref, reservation_id=before.reservation_id)
            return answer(before)

        return await self._store.once(request, attempt, now=self._now)

    async def _take(self, fresh: Reservation, quote: Quote, request: Request[M], answer: Answer[M]) -> M:
        campaigns = {each.campaign.campaign_id: each.campaign for each in quote.discounts if each.campaign}

        async def attempt(benefits: BenefitsStore) -> M:
            # First in the transaction, as many meet there; a check that is there by now is found at its key.
            for item in fresh.items:
                if not await _taken(benefits, item, campaigns[item.campaign_id]):
                    raise Changed
            if await coupon_reservations.of_check(benefits, fresh.program_id, fresh.source, fresh.check_ref):
                raise Changed
            await coupon_reservations.add(benefits, fresh)
            return answer(fresh)

        async with self._turns.of(campaigns):
            return await self._store.once(request, attempt, now=self._now)

    def _reservation(self, program: Program, check: Check, check_ref: str, quote: Quote) -> Reservation:
        year = business_date(quote.time, program.time_zone).year
        return Reservation(
            reservation_id=self._new_id("cpr"),
            program_id=check.program_id,
            source=caller().subject,
            check_ref=check_ref,
            member_id=check.member_id,
            asked_digest=check.digest,
            items=tuple(items_of(quote, program.key, check.member_id, year)),
            quote=quote_message(quote, check.currency).SerializeToString(deterministic=True),
            reserved_time=quote.time,
            expire_time=end_of(quote, program.coupons.reserve_minutes),
        )

    async def _time(self, program_id: str) -> datetime:
        program = (await self._programs.live(program_id)).program
        return milliseconds(await self._times.of(program))


async def _taken(benefits: BenefitsStore, item: Item, campaign: Campaign) -> bool:
    """Take one use: of the campaign, of the coupon, and of whom it is counted with."""
    terms = campaign.terms
    if not await coupon_campaigns.take(benefits, campaign, item.off_minor):
        return False
    if not await coupons.take(benefits, item.coupon_id, terms.uses_per_coupon_max):
        return False
    for taker in item.takers:
        if not await coupons.take_as(benefits, taker.key, taker.most):
            return False
    return True


def _require_all(quote: Quote) -> None:
    """Refuse a check whose coupons do not all count, with the first that does not."""
    if quote.refused:
        first = quote.refused[0]
        raise CouponNotApplicable(place=first.candidate.place, why=first.why.value, **first.params)


async def _of_check(store: BenefitsStore, program_id: str, check_ref: str) -> Reservation:
    """The reservation of a check of the caller's own, or CouponReservationUnknown."""
    found = await coupon_reservations.of_check(store, program_id, caller().subject, check_ref)
    if found is None:
        raise CouponReservationUnknown(check_ref=check_ref)
    return found
