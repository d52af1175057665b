"""What the graph shows of rewards: the catalogue, and whether a member may have what is in it."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import relay

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.benefits.reward_loaders import CheckKey
from services.gateway.languages import InLocale, language_of
from services.gateway.members.ids import member_key
from services.gateway.pages import cursors, page_info
from services.gateway.sources import loaded
from services.gateway.values import LocalName, Long, NamedText, known, texts_of, time_of


@strawberry.enum(description="What a reward is.")
class RewardKind(Enum):
    GOODS = strawberry.enum_value(pb.REWARD_KIND_GOODS, description="Something to take home.")
    COUPON = strawberry.enum_value(pb.REWARD_KIND_COUPON, description="A coupon.")
    SERVICE = strawberry.enum_value(
        pb.REWARD_KIND_SERVICE, description="Something done for the member, such as a repair."
    )
    PRIVILEGE = strawberry.enum_value(
        pb.REWARD_KIND_PRIVILEGE, description="A right, such as booking before others."
    )
    TICKET = strawberry.enum_value(pb.REWARD_KIND_TICKET, description="A ticket, of a class.")
    LOTTERY_TICKET = strawberry.enum_value(pb.REWARD_KIND_LOTTERY_TICKET, description="A ticket in a draw.")
    NAMED_ITEM = strawberry.enum_value(
        pb.REWARD_KIND_NAMED_ITEM, description="One named thing, not a random one."
    )


@strawberry.enum(description="What stands against giving a member a reward.")
class RewardObstacleCode(Enum):
    ARCHIVED = strawberry.enum_value(pb.REWARD_OBSTACLE_CODE_ARCHIVED, description="Out of the catalogue.")
    OUT_OF_STOCK = strawberry.enum_value(pb.REWARD_OBSTACLE_CODE_OUT_OF_STOCK, description="None is left.")
    OUTSIDE_WINDOW = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_OUTSIDE_WINDOW,
        description="Not now: `next_opening_time` says when, if ever.",
    )
    REWARD_CAP_REACHED = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_REWARD_CAP_REACHED,
        description="Given as often as it may be: `limit` says by which, `max` how often.",
    )
    TIER_TOO_LOW = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_TIER_TOO_LOW, description="It asks for a higher tier: `tier`."
    )
    SPEND_TOO_LOW = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_SPEND_TOO_LOW, description="It asks for more spending: `missing_minor`."
    )
    POINTS_MISSING = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_POINTS_MISSING,
        description="Too few points: `missing_points`, of `point_type` if that is told.",
    )
    DAILY_CAP = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_DAILY_CAP,
        description="More money's worth than may be redeemed on a day: `cap_minor`, `left_minor`.",
    )
    TOO_FREQUENT = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_TOO_FREQUENT, description="Redeemed too often: `per_day_max`."
    )
    BELOW_MINIMUM = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_BELOW_MINIMUM,
        description="Fewer points than may be redeemed at once: `min_points`.",
    )
    COUPON_UNAVAILABLE = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_COUPON_UNAVAILABLE,
        description="Its `campaign` gives no coupon that could be used: `why` says the reason.",
    )
    POINTS_PAY_NOTHING = strawberry.enum_value(
        pb.REWARD_OBSTACLE_CODE_POINTS_PAY_NOTHING,
        description="Nothing is paid any more with points of its `point_type`.",
    )


@strawberry.type(description="Something that stands against giving a member a reward.")
class RewardObstacle:
    zh: strawberry.Private[str]
    en: strawberry.Private[str]
    code: RewardObstacleCode | None = strawberry.field(description="What, for programs.")
    params: list[NamedText] = strawberry.field(description="What the text speaks of, by name.")

    @strawberry.field(description="The reason as a sentence for people.")
    def text(self, locale: InLocale = None) -> str:
        return self.zh if language_of(locale) == "zh" else self.en


@strawberry.type(description="Whether a member may have a reward now.")
class RewardAvailability:
    available: bool = strawberry.field(description="Whether nothing stands against it.")
    obstacles: list[RewardObstacle] = strawberry.field(description="All that stands against it, otherwise.")


@strawberry.type(description="Days of the week and minutes of the day, in the program's time zone.")
class RewardHours:
    weekdays: list[int] = strawberry.field(description="1 is Monday, 7 is Sunday; every day when empty.")
    from_minute: int = strawberry.field(description="First minute of the day; 840 is 14:00.")
    to_minute: int = strawberry.field(description="The minute when it ends; 1440 is midnight.")


@strawberry.type(description="When a reward may be redeemed, by the program's clock.")
class RewardWindow:
    from_time: datetime | None = strawberry.field(description="From then on; from ever when null.")
    until_time: datetime | None = strawberry.field(description="Before then; without end when null.")
    hours: list[RewardHours] = strawberry.field(description="Within these hours; at any hour when empty.")


@strawberry.type(description="How often a reward may be given; null is without limit.")
class RewardLimits:
    total_max: int | None = strawberry.field(description="To all members together.")
    member_max: int | None = strawberry.field(description="To one member.")
    member_day_max: int | None = strawberry.field(description="To one member on a day.")
    member_period_max: int | None = strawberry.field(description="To one member on `periodDays` days.")
    period_days: int | None = strawberry.field(description="The days of `memberPeriodMax`.")


@strawberry.type(description="A reward of the catalogue: members buy it with points.")
class Reward:
    id: strawberry.ID = strawberry.field(description="Its id in the program, such as `free_coffee`.")
    version: int = strawberry.field(description="Version of its terms.")
    kind: RewardKind | None = strawberry.field(description="What it is.")
    name: LocalName = strawberry.field(description="Its name.")
    description: LocalName = strawberry.field(description="What there is to say of it; may be empty.")
    price_points: Long = strawberry.field(description="Price in points.")
    point_type: str | None = strawberry.field(
        description="Type of the points that it costs; null for the redeemable ones."
    )
    coupon_campaign_key: str | None = strawberry.field(
        description="Key of the campaign whose coupon it gives; null where it gives none."
    )
    value_minor: Long = strawberry.field(
        description="What it is worth, in minor units; counts towards the cap of a day."
    )
    tier_set: str | None = strawberry.field(description="Tier set of `tierKey`.")
    tier_key: str | None = strawberry.field(
        description="The lowest tier that may have it; null when every member may."
    )
    spend_min_minor: Long = strawberry.field(description="Lifetime spend that it asks for, in minor units.")
    window: RewardWindow = strawberry.field(description="When it may be redeemed.")
    limits: RewardLimits = strawberry.field(description="How often it may be given.")
    reserve_minutes: int = strawberry.field(description="How long a redemption waits for the member.")
    archived: bool = strawberry.field(description="Out of the catalogue.")
    stocked: Long | None = strawberry.field(description="What was put in stock; null without stock.")
    left: Long | None = strawberry.field(
        description="How many may still be had; null where it does not run out."
    )

    @loaded(
        RewardAvailability | None,
        lambda context: context.rewards.check,
        lambda _, result: _availability(result),
        description="Whether a member may have it now; null for a member whom nobody knows.",
    )
    def availability(
        self,
        member_id: Annotated[
            strawberry.ID, strawberry.argument(description="Who: the global id, or `mem_…`.")
        ],
    ) -> CheckKey:
        return CheckKey(member_key(member_id), self.id)


@strawberry.type(description="A reward in a list.")
class RewardEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Reward = strawberry.field(description="The reward.")


@strawberry.type(description="A page of the catalogue.")
class RewardConnection:
    edges: list[RewardEdge] = strawberry.field(description="The rewards with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def reward_of(reward: pb.Reward) -> Reward:
    """A reward as the graph shows it."""
    terms = reward.terms
    return Reward(
        id=strawberry.ID(reward.reward_id),
        version=reward.version,
        kind=known(RewardKind, terms.kind),
        name=LocalName(zh=terms.name_zh, en=terms.name_en),
        description=LocalName(zh=terms.description_zh, en=terms.description_en),
        price_points=Long(terms.price_points),
        point_type=terms.point_type or None,
        coupon_campaign_key=terms.coupon_campaign or None,
        value_minor=Long(terms.value_minor),
        tier_set=terms.tier_set or None,
        tier_key=terms.tier or None,
        spend_min_minor=Long(terms.spend_min_minor),
        window=_window(terms.window),
        limits=_limits(terms.limits),
        reserve_minutes=terms.reserve_minutes,
        archived=reward.archived,
        stocked=Long(reward.stocked_count) if reward.HasField("stocked_count") else None,
        left=Long(reward.left_count) if reward.HasField("left_count") else None,
    )


def page_of_rewards(page: pb.ListRewardsResponse, page_token: str, after: str | None) -> RewardConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.rewards))
    return RewardConnection(
        edges=[
            RewardEdge(cursor=cursor, node=reward_of(reward))
            for cursor, reward in zip(places, page.rewards, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def _window(window: pb.RewardWindow) -> RewardWindow:
    return RewardWindow(
        from_time=time_of(window, "from_time"),
        until_time=time_of(window, "until_time"),
        hours=[
            RewardHours(weekdays=list(each.weekdays), from_minute=each.from_minute, to_minute=each.to_minute)
            for each in window.hours
        ],
    )


def _limits(limits: pb.RewardLimits) -> RewardLimits:
    said = {field.name: value for field, value in limits.ListFields()}
    return RewardLimits(
        total_max=said.get("total_max"),
        member_max=said.get("member_max"),
        member_day_max=said.get("member_day_max"),
        member_period_max=said.get("member_period_max"),
        period_days=said.get("period_days"),
    )


def _availability(result: pb.RewardCheckResult) -> RewardAvailability:
    return RewardAvailability(
        available=not result.obstacles,
        obstacles=[
            RewardObstacle(
                zh=each.text_zh,
                en=each.text_en,
                code=known(RewardObstacleCode, each.code),
                params=texts_of(each.params),
            )
            for each in result.obstacles
        ],
    )
