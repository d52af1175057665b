"""Coupons of rewards: given with a redemption in its transaction, and made void when it is taken back."""

from collections.abc import Callable
from datetime import datetime

from services.benefits.domain.coupon_rewards import require_untaken
from services.benefits.domain.coupons import Campaign, Coupon
from services.benefits.domain.redemptions import Redemption, handed_out
from services.benefits.repository import coupon_campaigns, coupons
from services.benefits.repository.store import BenefitsStore


async def given_coupon(
    benefits: BenefitsStore,
    redemption: Redemption,
    campaign: Campaign,
    time: datetime,
    *,
    now: datetime,
    new_id: Callable[[str], str],
) -> Redemption:
    """A redemption with its coupon, which the campaign has counted already: the member has it."""
    coupon = Coupon(
        coupon_id=new_id("cpn"),
        campaign_id=campaign.campaign_id,
        member_id=redemption.member_id,
        redemption_id=redemption.redemption_id,
        created_time=now,
    )
    await coupons.add(benefits, redemption.program_id, [coupon])
    return handed_out(redemption, coupon.coupon_id, time)


async def take_back_coupon(benefits: BenefitsStore, redemption: Redemption) -> None:
    """Make the coupon of a redemption void, if it has one that no check took.

    A till that takes it at the same moment writes the same document, so one of both is made again.
    """
    if not redemption.coupon_id:
        return
    coupon = (await coupons.coupons(benefits, [redemption.coupon_id]))[redemption.coupon_id]
    require_untaken(coupon)
    if not coupon.void:
        await coupons.make_void(benefits, coupon.coupon_id)
        await coupon_campaigns.count_void(benefits, coupon.campaign_id)
