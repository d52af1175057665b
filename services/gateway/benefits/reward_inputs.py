"""What mutations take that say the terms of a reward."""

from datetime import datetime
from typing import Any

import strawberry

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.benefits.types.rewards import RewardKind
from services.gateway.values import AmountMinor, Long, wire, zoned


@strawberry.input(description="A name or text for people, in each language.")
class LocalNameInput:
    zh: str = strawberry.field(description="In Chinese.")
    en: str = strawberry.field(description="In English.")


@strawberry.input(description="Days of the week and minutes of the day, in the program's time zone.")
class RewardHoursInput:
    weekdays: list[int] = strawberry.field(
        default_factory=list, description="1 is Monday, 7 is Sunday; every day when empty."
    )
    from_minute: int = strawberry.field(description="First minute of the day; 840 is 14:00.")
    to_minute: int = strawberry.field(description="The minute when it ends; 1440 is midnight.")


@strawberry.input(description="When a reward may be redeemed, by the program's clock.")
class RewardWindowInput:
    from_time: datetime | None = strawberry.field(
        default=None, description="From then on, with its zone; from ever when null."
    )
    until_time: datetime | None = strawberry.field(
        default=None, description="Before then, with its zone; without end when null."
    )
    hours: list[RewardHoursInput] = strawberry.field(
        default_factory=list, description="Within these hours; at any hour when empty."
    )


@strawberry.input(description="How often a reward may be given; null is without limit.")
class RewardLimitsInput:
    total_max: int | None = strawberry.field(default=None, description="To all members together.")
    member_max: int | None = strawberry.field(default=None, description="To one member.")
    member_day_max: int | None = strawberry.field(default=None, description="To one member on a day.")
    member_period_max: int | None = strawberry.field(
        default=None, description="To one member on `periodDays` days."
    )
    period_days: int | None = strawberry.field(default=None, description="The days of `memberPeriodMax`.")


@strawberry.input(description="What a reward is, what it costs and who may have it.")
class RewardTermsInput:
    kind: RewardKind = strawberry.field(description="What it is.")
    name: LocalNameInput = strawberry.field(description="Its name.")
    description: LocalNameInput | None = strawberry.field(
        default=None, description="What there is to say of it."
    )
    price_points: Long = strawberry.field(description="Price in points, from 1 on.")
    value_minor: AmountMinor = strawberry.field(
        description="What it is worth, in minor units; counts towards the cap of a day."
    )
    tier_set: str | None = strawberry.field(default=None, description="Tier set of `tierKey`.")
    tier_key: str | None = strawberry.field(
        default=None, description="The lowest tier that may have it; null when every member may."
    )
    spend_min_minor: AmountMinor = strawberry.field(
        default=0, description="Lifetime spend that it asks for, in minor units."
    )
    window: RewardWindowInput | None = strawberry.field(
        default=None, description="When it may be redeemed; at any time when null."
    )
    limits: RewardLimitsInput | None = strawberry.field(
        default=None, description="How often it may be given; without limit when null."
    )
    reserve_minutes: int = strawberry.field(
        default=0, description="How long a redemption waits for the member; a day when 0."
    )
    point_type: str | None = strawberry.field(
        default=None,
        description="Type of the points that it costs, an exclusive one that pays; null: redeemable ones.",
    )
    coupon_campaign_key: str | None = strawberry.field(
        default=None, description="Key of the campaign whose coupon it gives; for coupons alone."
    )


def terms_message(terms: RewardTermsInput) -> pb.RewardTerms:
    """The terms as the contract has them."""
    description = terms.description
    return pb.RewardTerms(
        kind=wire(terms.kind),
        name_zh=terms.name.zh,
        name_en=terms.name.en,
        description_zh=description.zh if description else "",
        description_en=description.en if description else "",
        price_points=terms.price_points,
        value_minor=terms.value_minor,
        tier_set=terms.tier_set or "",
        tier=terms.tier_key or "",
        spend_min_minor=terms.spend_min_minor,
        window=_window(terms.window),
        limits=_limits(terms.limits),
        reserve_minutes=terms.reserve_minutes,
        point_type=terms.point_type or "",
        coupon_campaign=terms.coupon_campaign_key or "",
    )


def _window(window: RewardWindowInput | None) -> pb.RewardWindow | None:
    if window is None:
        return None
    return pb.RewardWindow(
        from_time=_time(window.from_time),
        until_time=_time(window.until_time),
        hours=[
            pb.RewardHours(weekdays=each.weekdays, from_minute=each.from_minute, to_minute=each.to_minute)
            for each in window.hours
        ],
    )


def _limits(limits: RewardLimitsInput | None) -> pb.RewardLimits | None:
    if limits is None:
        return None
    return pb.RewardLimits(
        total_max=limits.total_max,
        member_max=limits.member_max,
        member_day_max=limits.member_day_max,
        member_period_max=limits.member_period_max,
        period_days=limits.period_days,
    )


def _time(time: datetime | None) -> Any:
    return None if time is None else timestamp(zoned(time))
