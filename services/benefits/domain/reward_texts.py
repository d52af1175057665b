"""Texts of obstacles in Chinese and English, rendered from code and parameters on reading."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal

from libs.common.program import Program
from libs.common.texts import Locale, filled, shown_amount
from services.benefits.domain.coupon_quotes import Why
from services.benefits.domain.reward_obstacles import Obstacle, ObstacleCode

OBSTACLE_TEXTS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        ObstacleCode.ARCHIVED: {"zh": "该兑换品已下架。", "en": "This reward is no longer offered."},
        ObstacleCode.OUT_OF_STOCK: {"zh": "该兑换品已兑完。", "en": "None of this reward is left."},
        ObstacleCode.OUTSIDE_WINDOW: {
            "zh": "现在不可兑换，{next_opening_time}起可以兑换。",
            "en": "It cannot be redeemed now; it can from {next_opening_time} on.",
        },
        "CLOSED_FOR_GOOD": {"zh": "兑换时间已结束。", "en": "The time to redeem it is over."},
        ObstacleCode.TIER_TOO_LOW: {"zh": "{tier}及以上会员可以兑换。", "en": "It is for {tier} and above."},
        ObstacleCode.SPEND_TOO_LOW: {
            "zh": "再消费{missing_minor}即可兑换。",
            "en": "Spend {missing_minor} more to have it.",
        },
        ObstacleCode.POINTS_MISSING: {
            "zh": "还差{missing_points}{points_name}。",
            "en": "{points_name} missing: {missing_points}.",
        },
        ObstacleCode.POINTS_PAY_NOTHING: {
            "zh": "不能再用{points_name}兑换。",
            "en": "Nothing is paid with {points_name} any more.",
        },
        ObstacleCode.DAILY_CAP: {
            "zh": "每日兑换上限为{cap_minor}，今日还可兑换{left_minor}。",
            "en": "Up to {cap_minor} may be redeemed in a day; {left_minor} of it is left today.",
        },
        ObstacleCode.TOO_FREQUENT: {
            "zh": "今日已兑换{per_day_max}次，明日再来。",
            "en": "Today's limit of {per_day_max} is reached: come again tomorrow.",
        },
        ObstacleCode.BELOW_MINIMUM: {
            "zh": "每次至少兑换{min_points}{points_name}。",
            "en": "At least {min_points} {points_name} are redeemed at a time.",
        },
    }
)
CAP_TEXTS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        "total": {"zh": "{max}份已全部兑完。", "en": "All of this reward were given: {max}."},
        "member": {"zh": "每位会员限兑{max}次。", "en": "The limit of each member is reached: {max}."},
        "member_day": {
            "zh": "每位会员每日限兑{max}次。",
            "en": "The limit of each member on a day is reached: {max}.",
        },
        "member_period": {
            "zh": "每位会员{days}天内限兑{max}次。",
            "en": "The limit of each member within {days} days is reached: {max}.",
        },
    }
)
COUPON_TEXTS: Mapping[str, Mapping[Locale, str]] = MappingProxyType(
    {
        Why.ENDED: {"zh": "该优惠券活动已结束。", "en": "The time of this coupon is over."},
        Why.PAUSED: {"zh": "该优惠券暂停发放。", "en": "This coupon is not given just now."},
        Why.CAMPAIGN_USED_UP: {"zh": "该优惠券已发完。", "en": "All coupons of this kind are given."},
        Why.BUDGET_SPENT: {"zh": "该优惠券的预算已用完。", "en": "The budget of this coupon is spent."},
        Why.MEMBER_LIMIT: {
            "zh": "您的该优惠券已达使用上限。",
            "en": "You have as many of this coupon as you may use.",
        },
        Why.NOT_FIRST_ORDER: {"zh": "该优惠券仅限首单使用。", "en": "This coupon is for a first order."},
        Why.WRONG_TIER: {"zh": "该优惠券不适用于您的会员等级。", "en": "This coupon is not for your tier."},
    }
)
_COUNTS = ("missing_points", "min_points", "per_day_max", "max", "days")
_AMOUNTS = ("missing_minor", "cap_minor", "left_minor")


def obstacle_text(obstacle: Obstacle, program: Program, locale: Locale) -> str:
    """What an obstacle says to a member, by the names of the program."""
    return filled(_text(obstacle)[locale], _shown(obstacle.params, program, locale))


def _text(obstacle: Obstacle) -> Mapping[Locale, str]:
    if obstacle.code is ObstacleCode.REWARD_CAP_REACHED:
        return CAP_TEXTS[obstacle.params["limit"]]
    if obstacle.code is ObstacleCode.COUPON_UNAVAILABLE:
        return COUPON_TEXTS[obstacle.params["why"]]
    if obstacle.code is ObstacleCode.OUTSIDE_WINDOW and "next_opening_time" not in obstacle.params:
        return OBSTACLE_TEXTS["CLOSED_FOR_GOOD"]
    return OBSTACLE_TEXTS[obstacle.code]


def _shown(params: Mapping[str, str], program: Program, locale: Locale) -> dict[str, str]:
    points = program.points.name_of(params.get("point_type", ""))
    shown = {**params, "points_name": points.zh if locale == "zh" else points.en}
    for name in _COUNTS:
        if name in params:
            shown[name] = format_decimal(int(params[name]), locale=locale)
    for name in _AMOUNTS:
        if name in params:
            shown[name] = shown_amount(params[name], params.get("currency", ""), locale)
    if "next_opening_time" in params:
        opening = datetime.fromisoformat(params["next_opening_time"]).astimezone(ZoneInfo(program.time_zone))
        shown["next_opening_time"] = format_datetime(opening, "medium", locale=locale)
    if "tier" in params:
        shown["tier"] = _tier_name(program, params.get("tier_set", ""), params["tier"], locale)
    return shown


def _tier_name(program: Program, tier_set: str, tier: str, locale: Locale) -> str:
    names = {
        each.key: each.name for found in program.tier_sets if found.key == tier_set for each in found.tiers
    }
    name = names.get(tier)
    return tier if name is None else name.zh if locale == "zh" else name.en
