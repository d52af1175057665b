"""Coupons that rewards give: whether a campaign has one more for a member, that could be used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.benefits.domain.coupon_quotes import Why
from services.benefits.domain.coupons import COUPONS_MAX, Campaign, Coupon
from services.benefits.domain.errors import RedemptionCouponTaken


@dataclass(frozen=True, slots=True)
class Couponing:
    """What counts of a member: by campaign the uses that they took and coupons unused; their first order."""

    uses: Mapping[str, int] = field(default_factory=dict)
    first_order: bool = False


def against_all(campaign: Campaign, time: datetime) -> Why | None:
    """Why a campaign gives nobody a coupon at a time of the program.

    A coupon that was paid for is good for all its uses. So there are never
    more of them than the campaign may be used, whoever uses theirs first.
    """
    terms = campaign.terms
    good = campaign.coupons_count - campaign.void_count
    promised = (good + 1) * terms.uses_per_coupon_max
    checks = (
        (time >= terms.end_time, Why.ENDED),
        (campaign.paused, Why.PAUSED),
        (campaign.coupons_count >= COUPONS_MAX, Why.CAMPAIGN_USED_UP),
        (0 < terms.uses_max < promised, Why.CAMPAIGN_USED_UP),
        (0 < terms.budget_minor <= campaign.taken_minor, Why.BUDGET_SPENT),
    )
    return next((why for stands, why in checks if stands), None)


def against_member(campaign: Campaign, couponing: Couponing, tier: str) -> Why | None:
    """Why one more coupon of a campaign would be of no use to a member of this tier."""
    terms = campaign.terms
    checks = (
        (0 < terms.uses_per_member_max <= couponing.uses.get(campaign.campaign_id, 0), Why.MEMBER_LIMIT),
        (terms.first_order_only and not couponing.first_order, Why.NOT_FIRST_ORDER),
        (bool(terms.tiers) and tier not in terms.tiers, Why.WRONG_TIER),
    )
    return next((why for stands, why in checks if stands), None)


def require_untaken(coupon: Coupon) -> None:
    """Refuse to take back a coupon that a check has, paid or not."""
    if coupon.taken_count:
        raise RedemptionCouponTaken(coupon_id=coupon.coupon_id)
