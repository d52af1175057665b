"""What a run's program has on its shelf: rewards, a campaign of coupons and a plan, some of it scarce."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from laurel.benefits.v1 import coupons_pb2, rewards_pb2
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.common import clock
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.time import timestamp

PLAN = "card_year"
# How many there are of each: some are sold out in a smoke run.
REWARDS: Mapping[str, int] = MappingProxyType({"cup": 20, "coffee": 100_000})
CODES, USES_PER_CODE, USES_MAX = 40, 5, 150
COUPON_AMOUNT_MINOR = 10_000
CAMPAIGN = "ten_off"
A_DAY = timedelta(days=1)


def a_program(like: str = "ecommerce_five") -> Program:
    """A program of its own with something to sell, and no limit of a day that ends a run."""
    document = preset(like).document()
    document["key"] = new_id("faults")
    document["points"]["redemption"] = {
        **(document["points"].get("redemption") or {}),
        "daily_cap_minor": 100_000_000,
        "per_day_max": 10_000,
    }
    document["contracts"] = {
        "plans": [
            {
                "key": PLAN,
                "group": "card",
                "name": {"zh": "年卡", "en": "Card for a year"},
                "amount_minor": 100,
                "term_months": 12,
            }
        ]
    }
    return Program.parse(document)


async def stocked(staff: Clients, program: Program) -> list[str]:
    """Put everything on the shelf; gives the codes of the coupons."""
    for reward_id, stock in REWARDS.items():
        await _reward(staff, program, reward_id, stock)
    campaign = coupons_pb2.CreateCouponCampaignRequest(
        program_id=program.key,
        request_id=new_id("req"),
        campaign=CAMPAIGN,
        name_zh="满减券",
        name_en="Ten off",
        terms=coupons_pb2.CouponTerms(
            kind=coupons_pb2.COUPON_KIND_AMOUNT,
            off_minor=1_000,
            start_time=timestamp(clock.now() - A_DAY),
            end_time=timestamp(clock.now() + 30 * A_DAY),
            uses_per_coupon_max=USES_PER_CODE,
            uses_per_member_max=20,
            uses_max=USES_MAX,
        ),
    )
    await patiently(lambda: staff.coupons.CreateCouponCampaign(campaign))
    codes = coupons_pb2.GenerateCouponCodesRequest(
        program_id=program.key, request_id=new_id("req"), campaign=CAMPAIGN, count=CODES
    )
    return list((await patiently(lambda: staff.coupons.GenerateCouponCodes(codes))).codes)


async def _reward(staff: Clients, program: Program, reward_id: str, stock: int) -> None:
    request = rewards_pb2.CreateRewardRequest(
        program_id=program.key,
        request_id=new_id("req"),
        reward_id=reward_id,
        terms=rewards_pb2.RewardTerms(
            kind=rewards_pb2.REWARD_KIND_GOODS,
            name_zh="礼品",
            name_en="Gift",
            price_points=2,
            value_minor=100,
            reserve_minutes=24 * 60,
        ),
        stock_count=stock,
    )
    await patiently(lambda: staff.rewards.CreateReward(request))
