"""Stacking: which coupons count on a check, in which order, and why each of the others does not.

The order in which they are asked for means nothing. The discount of the tier
comes first. Then what goes together is one choice, and each coupon that goes
with no other is one: the higher priority is taken, and of equal ones what
gives more. Within a choice the higher priority goes first, then percentages
before amounts, then by key; cashback comes last, of what is left to pay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.coupon_policy import Coupons
from services.benefits.domain.coupon_quotes import (
    Candidate,
    Discount,
    Quote,
    Refused,
    Shopper,
    TierDiscount,
    Why,
)
from services.benefits.domain.coupons import Campaign, Coupon, CouponKind
from services.benefits.domain.discounts import Basket, Left, Off


@dataclass(frozen=True, slots=True)
class Held:
    """A candidate that is known."""

    candidate: Candidate
    coupon: Coupon
    campaign: Campaign

    @property
    def order(self) -> tuple[bool, int, int, str, str]:
        """The order in which coupons are taken off."""
        terms = self.campaign.terms
        kind = tuple(CouponKind).index(terms.kind)
        is_cashback = terms.kind is CouponKind.CASHBACK
        return is_cashback, -terms.priority, kind, self.campaign.key, self.coupon.coupon_id

    def refuse(self, why: Why, **params: object) -> Refused:
        return Refused(self.candidate, why, {name: str(value) for name, value in params.items()})


@dataclass(frozen=True, slots=True)
class Choice:
    """Coupons that go together: what they take off, and which of them do not count after all."""

    wanted: Sequence[Held]
    discounts: Sequence[Discount]
    refused: Sequence[Refused]

    @property
    def campaigns(self) -> list[Campaign]:
        """The campaigns whose coupons count."""
        return [each.campaign for each in self.discounts if each.campaign is not None]

    @property
    def rank(self) -> tuple[int, int]:
        """By the priority of what counts, then by what the member gets."""
        priority = max((each.terms.priority for each in self.campaigns), default=-1)
        return priority, sum(each.off.total_minor for each in self.discounts)

    def beaten_by(self, best: "Choice") -> Iterator[Refused]:
        """Why its coupons do not count: what stands against each, or that the other choice is taken."""
        yield from self.refused
        refused = {each.candidate.place for each in self.refused}
        for each in self.wanted:
            if each.candidate.place not in refused:
                exclusive = each.campaign.terms.exclusive
                why = Why.EXCLUSIVE if exclusive else Why.EXCLUDED
                yield each.refuse(why, campaign=best.campaigns[0].key)


def quote(
    basket: Basket, candidates: Sequence[Candidate], shopper: Shopper, policy: Coupons, time: datetime
) -> Quote:
    """What a basket costs at a time of the program."""
    known, refused = [], []
    for each in candidates:
        if each.coupon is None or each.campaign is None:
            refused.append(Refused(each, Why.UNKNOWN))
            continue
        held = Held(each, each.coupon, each.campaign)
        against = _against(held, basket, shopper, time)
        if against is None:
            known.append(held)
        else:
            refused.append(against)
    single, doubled = _one_of_each(sorted(known, key=lambda held: held.order))
    choices = [_counted(basket, each, shopper.tier, policy) for each in _choices(single)]
    # Of equal ones the first, and what goes together is before what goes alone.
    best = max(choices, key=lambda choice: choice.rank)
    beaten = [why for each in choices if each is not best for why in each.beaten_by(best)]
    return Quote(
        basket=basket,
        tier=shopper.tier,
        discounts=tuple(best.discounts),
        refused=tuple(
            sorted([*refused, *doubled, *best.refused, *beaten], key=lambda each: each.candidate.place)
        ),
        time=time,
    )


def _against(held: Held, basket: Basket, shopper: Shopper, time: datetime) -> Refused | None:
    """What stands against a coupon by itself: first what holds for everybody, then for this member."""
    coupon, campaign, terms = held.coupon, held.campaign, held.campaign.terms
    mine = shopper.taken.get(campaign.campaign_id, 0)
    checks = (
        (coupon.void, Why.VOID),
        (time < terms.start_time, Why.NOT_STARTED),
        (time >= terms.end_time, Why.ENDED),
        (campaign.paused, Why.PAUSED),
        (coupon.taken_count >= terms.uses_per_coupon_max, Why.USED_UP),
        (0 < terms.uses_max <= campaign.taken_count, Why.CAMPAIGN_USED_UP),
        (0 < terms.budget_minor <= campaign.taken_minor, Why.BUDGET_SPENT),
        (0 < terms.uses_per_member_max <= mine, Why.MEMBER_LIMIT),
        (terms.birthday == "day" and "day" not in shopper.cares, Why.NOT_BIRTHDAY),
        (terms.birthday == "month" and "month" not in shopper.cares, Why.NOT_BIRTHDAY_MONTH),
        (campaign.campaign_id in shopper.birthday_taken, Why.BIRTHDAY_USED),
        (terms.first_order_only and not shopper.first_order, Why.NOT_FIRST_ORDER),
        (
            bool(terms.tiers) and (shopper.tier is None or shopper.tier.tier not in terms.tiers),
            Why.WRONG_TIER,
        ),
    )
    for stands, why in checks:
        if stands:
            return held.refuse(why)
    # The first step of a threshold asks for so much as well.
    least = max(terms.basket_min_minor, min((each.from_minor for each in terms.steps), default=0))
    if basket.goods_minor < least:
        return held.refuse(Why.BASKET_TOO_SMALL, least=least, missing=least - basket.goods_minor)
    return None


def _one_of_each(held: Sequence[Held]) -> tuple[list[Held], list[Refused]]:
    """One coupon of each campaign, the first in order, and the others."""
    first: dict[str, Held] = {}
    for each in held:
        first.setdefault(each.campaign.key, each)
    others = [each for each in held if first[each.campaign.key] is not each]
    return list(first.values()), [each.refuse(Why.SAME_CAMPAIGN) for each in others]


def _choices(held: Sequence[Held]) -> list[list[Held]]:
    """What goes together, then each that goes alone."""
    together = [each for each in held if not each.campaign.terms.exclusive]
    return [together, *([each] for each in held if each.campaign.terms.exclusive)]


def _counted(basket: Basket, wanted: Sequence[Held], tier: TierDiscount | None, policy: Coupons) -> Choice:
    """Take coupons off a basket, in order."""
    left = Left.of(basket, policy.off_max_bp)
    discounts: list[Discount] = []
    if tier is not None and (of_tier := left.tier_off(tier.discount_bp)).goods_minor:
        left.take(of_tier)
        discounts.append(Discount(of_tier))
    refused, stacked = [], 0
    for each in wanted:
        off = left.off(each.campaign.terms)
        if stacked == policy.stacked_max:
            refused.append(each.refuse(Why.TOO_MANY, most=policy.stacked_max))
        elif not off.total_minor:
            refused.append(each.refuse(Why.NOTHING_LEFT))
        elif _beyond_budget(each.campaign, off):
            refused.append(each.refuse(Why.BUDGET_SPENT))
        else:
            left.take(off)
            stacked += 1
            discounts.append(Discount(off, each.candidate.place, each.coupon, each.campaign))
    return Choice(wanted, discounts, refused)


def _beyond_budget(campaign: Campaign, off: Off) -> bool:
    budget = campaign.terms.budget_minor
    return bool(budget) and campaign.taken_minor + off.total_minor > budget
