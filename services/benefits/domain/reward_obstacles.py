"""Obstacles: all that stands against giving a member a reward, alike when asking and when redeeming."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.coupon_quotes import Why
from services.benefits.domain.coupon_rewards import Couponing, against_all, against_member
from services.benefits.domain.coupons import Campaign
from services.benefits.domain.errors import (
    RedemptionCapReached,
    RedemptionsTooFrequent,
    RedemptionTooSmall,
    RewardUnavailable,
)
from services.benefits.domain.limits import Limit
from services.benefits.domain.redemption_limits import Redeemed, refusals
from services.benefits.domain.rewards import Reward

TOTAL = "total"
"""The limit of a reward that all members share."""


class ObstacleCode(StrEnum):
    """What stands against it, from the least to the most personal."""

    ARCHIVED = "ARCHIVED"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    REWARD_CAP_REACHED = "REWARD_CAP_REACHED"
    TIER_TOO_LOW = "TIER_TOO_LOW"
    SPEND_TOO_LOW = "SPEND_TOO_LOW"
    POINTS_MISSING = "POINTS_MISSING"
    DAILY_CAP = "DAILY_CAP"
    TOO_FREQUENT = "TOO_FREQUENT"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    COUPON_UNAVAILABLE = "COUPON_UNAVAILABLE"
    POINTS_PAY_NOTHING = "POINTS_PAY_NOTHING"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One of them, with what it comes to."""

    code: ObstacleCode
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is looked at of a member.

    `given` says by reward how many of it count on which day of the program,
    `typed_points` what they may spend of each type beside the redeemable ones.
    """

    available_points: int = 0
    typed_points: Mapping[str, int] = field(default_factory=dict)
    couponing: Couponing = field(default_factory=Couponing)
    tiers: Mapping[str, str] = field(default_factory=dict)
    spend_minor: int = 0
    redeemed: Redeemed = field(default_factory=Redeemed)
    given: Mapping[str, Mapping[date, int]] = field(default_factory=dict)


def obstacles(
    reward: Reward,
    standing: Standing,
    program: Program,
    time: datetime,
    campaign: Campaign | None = None,
) -> list[Obstacle]:
    """All that stands against redeeming a reward at a time of the program; none if the member may have it.

    `campaign` is the one whose coupon it gives.
    """
    return [
        *shortage(reward, time, campaign),
        *_of_window(reward, program, time),
        *_of_member_limits(reward, standing, business_date(time, program.time_zone)),
        *_of_tier(reward, standing, program),
        *_of_spend(reward, standing, program),
        *_of_coupons(standing, program, campaign),
        *_of_points(reward, standing),
        *_of_redeeming(reward, standing, program),
    ]


def shortage(reward: Reward, time: datetime, campaign: Campaign | None = None) -> list[Obstacle]:
    """What stands against giving it to anybody: it is out of the catalogue, or there is no more of it."""
    found = [Obstacle(ObstacleCode.ARCHIVED)] if reward.archived else []
    if reward.stocked is not None and reward.taken >= reward.stocked:
        found.append(Obstacle(ObstacleCode.OUT_OF_STOCK))
    total_max = reward.terms.limits.total_max
    if total_max is not None and reward.taken >= total_max:
        found.append(_cap(TOTAL, total_max))
    if campaign is not None and (why := against_all(campaign, time)) is not None:
        found.append(_no_coupon(campaign, why))
    return found


def _no_coupon(campaign: Campaign, why: Why) -> Obstacle:
    return Obstacle(ObstacleCode.COUPON_UNAVAILABLE, {"campaign": campaign.key, "why": str(why)})


def require_none(found: list[Obstacle]) -> None:
    """Refuse with all of them, numbered."""
    if found:
        numbered = enumerate({"code": str(each.code), **each.params} for each in found)
        facts = {f"obstacle_{place}_{name}": text for place, each in numbered for name, text in each.items()}
        raise RewardUnavailable(filter(None, map(_limit, found)), **facts)


def _limit(obstacle: Obstacle) -> Limit | None:
    """The limit of the member's own that an obstacle is, if it is one."""
    params = obstacle.params
    match obstacle.code:
        case ObstacleCode.DAILY_CAP:
            return Limit.DAILY_CAP
        case ObstacleCode.TOO_FREQUENT:
            return Limit.TOO_FREQUENT
        case ObstacleCode.REWARD_CAP_REACHED if params["limit"] != TOTAL:
            return Limit.REWARD_CAP
        case ObstacleCode.COUPON_UNAVAILABLE if params["why"] == Why.MEMBER_LIMIT:
            return Limit.COUPON_CAP
    return None


def _of_window(reward: Reward, program: Program, time: datetime) -> Iterator[Obstacle]:
    window = reward.terms.window
    if not window.is_open(time, program.time_zone):
        opening = window.next_opening(time, program.time_zone)
        params = {} if opening is None else {"next_opening_time": opening.isoformat(timespec="seconds")}
        yield Obstacle(ObstacleCode.OUTSIDE_WINDOW, params)


def _of_member_limits(reward: Reward, standing: Standing, today: date) -> Iterator[Obstacle]:
    limits, given = reward.terms.limits, standing.given.get(reward.reward_id, {})
    if limits.member_max is not None and sum(given.values()) >= limits.member_max:
        yield _cap("member", limits.member_max)
    if limits.member_day_max is not None and given.get(today, 0) >= limits.member_day_max:
        yield _cap("member_day", limits.member_day_max)
    if limits.member_period_max is not None and limits.period_days is not None:
        began = today - timedelta(days=limits.period_days - 1)
        if sum(count for day, count in given.items() if day >= began) >= limits.member_period_max:
            yield _cap("member_period", limits.member_period_max, days=str(limits.period_days))


def _cap(limit: str, most: int, **params: str) -> Obstacle:
    return Obstacle(ObstacleCode.REWARD_CAP_REACHED, {"limit": limit, "max": str(most), **params})


def _of_tier(reward: Reward, standing: Standing, program: Program) -> Iterator[Obstacle]:
    terms = reward.terms
    if terms.tier_set:
        ladder = [tier.key for each in program.tier_sets if each.key == terms.tier_set for tier in each.tiers]
        held = standing.tiers.get(terms.tier_set, "")
        if _rank(held, ladder) < ladder.index(terms.tier):
            params = {"tier_set": terms.tier_set, "tier": terms.tier, "held_tier": held}
            yield Obstacle(ObstacleCode.TIER_TOO_LOW, params)


def _rank(tier: str, ladder: list[str]) -> int:
    return ladder.index(tier) if tier in ladder else -1


def _of_spend(reward: Reward, standing: Standing, program: Program) -> Iterator[Obstacle]:
    missing = reward.terms.spend_min_minor - max(0, standing.spend_minor)
    if missing > 0:
        params = {"missing_minor": str(missing), "currency": program.currency}
        yield Obstacle(ObstacleCode.SPEND_TOO_LOW, params)


def _of_coupons(standing: Standing, program: Program, campaign: Campaign | None) -> Iterator[Obstacle]:
    if campaign is not None:
        tier = standing.tiers.get(program.tier_sets[0].key, "")
        why = against_member(campaign, standing.couponing, tier)
        if why is not None:
            yield _no_coupon(campaign, why)


def _of_points(reward: Reward, standing: Standing) -> Iterator[Obstacle]:
    point_type = reward.terms.point_type
    available = standing.typed_points.get(point_type, 0) if point_type else standing.available_points
    missing = reward.terms.price_points - available
    if missing > 0:
        typed = {"point_type": point_type} if point_type else {}
        yield Obstacle(ObstacleCode.POINTS_MISSING, {"missing_points": str(missing), **typed})


_CODES = MappingProxyType(
    {
        RedemptionCapReached: ObstacleCode.DAILY_CAP,
        RedemptionsTooFrequent: ObstacleCode.TOO_FREQUENT,
        RedemptionTooSmall: ObstacleCode.BELOW_MINIMUM,
    }
)


def _of_redeeming(reward: Reward, standing: Standing, program: Program) -> Iterator[Obstacle]:
    """By the rule that holds for every redemption, on all channels."""
    terms = reward.terms
    policy = program.points.paying(terms.point_type)
    if policy is None:
        yield Obstacle(ObstacleCode.POINTS_PAY_NOTHING, {"point_type": terms.point_type})
        return
    for refusal in refusals(policy, terms.price_points, terms.value_minor, standing.redeemed):
        facts = {name: str(fact) for name, fact in refusal.facts.items()}
        yield Obstacle(_CODES[type(refusal)], {**facts, "currency": program.currency})
