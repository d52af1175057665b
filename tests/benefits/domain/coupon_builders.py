"""Builders of campaigns, coupons and baskets, with defaults that mean nothing."""

from typing import Any

from libs.common.coupon_policy import Coupons
from libs.common.documents import Text
from services.benefits.domain.coupon_quotes import Candidate, Quote, Shopper, TierDiscount
from services.benefits.domain.coupons import Campaign, Coupon, CouponKind, Step, Terms
from services.benefits.domain.discounts import Basket
from services.benefits.domain.stacking import quote
from tests.support.builders import DAY, NOON

PROGRAM = "music_store"
OPENS, ENDS = NOON - DAY, NOON + DAY
FIVE_PERCENT: dict[str, Any] = {"kind": CouponKind.PERCENTAGE, "off_bp": 500}
SHIPPING: dict[str, Any] = {"kind": CouponKind.FREE_SHIPPING, "off_minor": 0}
CASHBACK: dict[str, Any] = {"kind": CouponKind.CASHBACK, "off_bp": 1_000, "off_minor": 0}


def some_terms(**fields: Any) -> Terms:
    """Ten off, from the day before noon until the day after."""
    if fields.get("kind", CouponKind.AMOUNT) is CouponKind.AMOUNT:
        fields = {"off_minor": 1_000, **fields}
    return Terms(**{"kind": CouponKind.AMOUNT, "start_time": OPENS, "end_time": ENDS, **fields})


def a_campaign(
    key: str = "ten_off", *, taken: tuple[int, int] = (0, 0), paused: bool = False, **terms: Any
) -> Campaign:
    """A campaign of which so many uses, and so much money, are taken."""
    return Campaign(
        program_id=PROGRAM,
        key=key,
        name=Text(zh=f"{key}券", en=key.replace("_", " ").title()),
        terms=some_terms(**terms),
        created_time=OPENS,
        paused=paused,
        taken_count=taken[0],
        taken_minor=taken[1],
    )


def a_coupon(campaign: Campaign, number: int = 1, **fields: Any) -> Coupon:
    return Coupon(
        coupon_id=f"cpn_{campaign.key}_{number}",
        campaign_id=campaign.campaign_id,
        created_time=OPENS,
        **fields,
    )


def asked(*campaigns: Campaign) -> list[Candidate]:
    """A coupon of each campaign, asked for in this order."""
    return [Candidate(place, a_coupon(each), each) for place, each in enumerate(campaigns, start=1)]


def a_tier(discount_bp: int, tier: str = "gold") -> TierDiscount:
    return TierDiscount(tier, Text(zh="金", en="Gold"), discount_bp)


def a_basket(*amounts: int, shipping_minor: int = 0) -> Basket:
    """A basket with a line of each amount."""
    return Basket(tuple(enumerate(amounts, start=1)), shipping_minor)


def quoted(
    basket: Basket,
    *candidates: Candidate,
    shopper: Shopper | None = None,
    policy: Coupons | None = None,
    at: Any = NOON,
) -> Quote:
    """What a basket costs somebody at noon."""
    return quote(basket, candidates, shopper or Shopper(), policy or Coupons(), at)


def whys(of: Quote) -> dict[int, str]:
    """Why coupons do not count, by their place."""
    return {each.candidate.place: each.why.value for each in of.refused}


def steps(*pairs: tuple[int, int]) -> tuple[Step, ...]:
    return tuple(Step(*each) for each in pairs)
