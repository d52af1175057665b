"""The use case of quoting: what a basket costs with coupons, and which coupons somebody means."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.canonical import digest
from libs.common.clock import business_date, milliseconds
from libs.common.homes import is_visible
from libs.common.program import Program
from services.benefits.domain.coupon_codes import read
from services.benefits.domain.coupon_quotes import (
    Candidate,
    CouponName,
    Quote,
    Shopper,
    TierDiscount,
)
from services.benefits.domain.coupon_reservations import birthday_taker, first_order_taker, taker
from services.benefits.domain.coupons import Campaign, Coupon
from services.benefits.domain.discounts import Basket
from services.benefits.domain.errors import CurrencyMismatch, MemberUnknown
from services.benefits.domain.stacking import quote
from services.benefits.handlers.coupon_guesses import CouponGuesses
from services.benefits.handlers.coupon_keys import CouponKeys
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.standing import MemberStanding, standings
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import coupon_campaigns, coupons
from services.benefits.repository.birthdays import birthdays_of
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Check:
    """What is to be counted: who buys what, with which coupons."""

    program_id: str
    member_id: str
    currency: str
    basket: Basket
    names: tuple[CouponName, ...]

    @property
    def digest(self) -> str:
        """Alike for the same check, in whatever order it is told."""
        names = sorted([read(each.code), each.coupon_id] for each in self.names)
        basket = [sorted(list(line) for line in self.basket.lines), self.basket.shipping_minor]
        return digest([self.member_id, self.currency, basket, names])


@dataclass(frozen=True, slots=True)
class CouponQuotes:
    """Counts checks. Nothing is taken, so what is read may be gone right after."""

    store: BenefitsStore
    programs: ProgramHandlers
    times: ProgramTimes
    keys: CouponKeys
    guesses: CouponGuesses

    async def quote(self, check: Check) -> Quote:
        """What a check costs a member whom the caller may see."""
        program = (await self.programs.live(check.program_id)).program
        if check.currency != program.currency:
            raise CurrencyMismatch(currency=program.currency)
        if not await is_visible(self.store.database, check.program_id, check.member_id):
            raise MemberUnknown(member_id=check.member_id)
        found = await self.find(program, check.member_id, check.names)
        wanted = [each.campaign_id for each in found if each is not None]
        campaigns = await coupon_campaigns.campaigns(self.store, wanted)
        candidates = [
            Candidate(place) if each is None else Candidate(place, each, campaigns[each.campaign_id])
            for place, each in enumerate(found, start=1)
        ]
        # In milliseconds, as the database keeps it and it is told again from there.
        time = milliseconds(await self.times.of(program))
        shopper = await self._shopper(program, check.member_id, campaigns.values(), time)
        return quote(check.basket, candidates, shopper, program.coupons, time)

    async def find(
        self, program: Program, member_id: str, names: Sequence[CouponName]
    ) -> list[Coupon | None]:
        """The coupons of these names, which a member may use: with a code anybody's, else their own.

        Whatever is wrong with a name, the same is read for it. Without a member, any coupon of the program.
        """
        typed = [each.code for each in names if each.code]
        if typed:
            await self.guesses.require_few(program, member_id)
        digests = dict(
            zip(typed, await self.keys.digests(program.key, [read(code) for code in typed]), strict=True)
        )
        ids = [each.coupon_id for each in names if each.coupon_id]
        by_id, by_digest = await coupons.named(self.store, program.key, ids, list(digests.values()))
        found = [
            by_digest.get(digests[each.code]) if each.code else _own(by_id.get(each.coupon_id), member_id)
            for each in names
        ]
        wrong = sum(1 for name, each in zip(names, found, strict=True) if name.code and each is None)
        await self.guesses.count(program, member_id, wrong)
        return found

    async def _shopper(
        self, program: Program, member_id: str, campaigns: Collection[Campaign], time: datetime
    ) -> Shopper:
        """What counts of a member, as far as these campaigns ask for it."""
        standing = (await standings(self.store, program, [member_id], time)).get(member_id)
        counted = {each.campaign_id: taker(each.campaign_id, member_id) for each in campaigns}
        first = first_order_taker(program.key, member_id)
        today = business_date(time, program.time_zone)
        yearly = {
            each.campaign_id: birthday_taker(each.campaign_id, member_id, today.year)
            for each in campaigns
            if each.terms.birthday
        }
        birthday = (await birthdays_of(self.store, [member_id] if yearly else [])).get(member_id)
        wanted = [first, *counted.values(), *yearly.values()] if counted else []
        taken = await coupons.taken(self.store, wanted)
        return Shopper(
            tier=_tier_discount(program, standing),
            taken={key: taken.get(as_taker, 0) for key, as_taker in counted.items()},
            first_order=not taken.get(first) and not (standing and standing.orders),
            cares=birthday.cares_on(today) if birthday else frozenset(),
            birthday_taken={key for key, as_taker in yearly.items() if taken.get(as_taker)},
        )


def _own(coupon: Coupon | None, member_id: str) -> Coupon | None:
    """A coupon that is named by its id: those with a code are their bearer's, and nobody knows their id."""
    if coupon is None or not member_id or coupon.member_id == member_id:
        return coupon
    return None


def _tier_discount(program: Program, standing: MemberStanding | None) -> TierDiscount | None:
    """What the tier takes off that the member holds in the first tier set, earned or by contract."""
    tier_set = program.tier_sets[0]
    held = None if standing is None else standing.tiers.get(tier_set.key)
    if held is None:
        return None
    found = (each for each in tier_set.tiers if each.key == held.tier)
    return next((TierDiscount(each.key, each.name, each.discount_bp) for each in found), None)
