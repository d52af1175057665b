"""Limits of redeeming: how little at a time, and how much and how often on a day."""

from dataclasses import dataclass

from libs.common.errors import Refusal
from libs.common.redemption_policy import Redemption
from services.benefits.domain.errors import (
    PointsInsufficient,
    RedemptionCapReached,
    RedemptionsTooFrequent,
    RedemptionTooSmall,
)
from services.benefits.domain.value import Worth


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a member has redeemed on a business day: money over all channels, and how often."""

    money_minor: int = 0
    count: int = 0


def require_within(policy: Redemption, points: int, money_minor: int, before: Redeemed) -> None:
    """Refuse a redemption of so many points, worth so much, after what the day had before it."""
    for refusal in refusals(policy, points, money_minor, before):
        raise refusal


def refusals(policy: Redemption, points: int, money_minor: int, before: Redeemed) -> list[Refusal]:
    """Everything that is against a redemption, the least personal first."""
    found: list[Refusal] = []
    if points < policy.min_points:
        found.append(RedemptionTooSmall(points=points, min_points=policy.min_points))
    if before.count >= policy.per_day_max:
        found.append(RedemptionsTooFrequent(per_day_max=policy.per_day_max))
    left_minor = _left_minor(policy, before)
    if money_minor > left_minor:
        cap_minor = policy.daily_cap_minor
        found.append(
            RedemptionCapReached(cap_minor=cap_minor, left_minor=left_minor, money_minor=money_minor)
        )
    return found


def _left_minor(policy: Redemption, before: Redeemed) -> int:
    return max(0, policy.daily_cap_minor - before.money_minor)


def points_missing(wanted: int, available: int, point_type: str = "") -> PointsInsufficient:
    """Why so many points are not paid: of which balance how many are missing."""
    typed = {"point_type": point_type} if point_type else {}
    return PointsInsufficient(available_points=available, missing_points=wanted - available, **typed)


@dataclass(frozen=True, slots=True)
class Offer:
    """How many points may be redeemed for how much money, and why it is not all that could be."""

    points: int
    money_minor: int
    reasons: tuple[Refusal, ...]


def offer(
    worth: Worth, amount_minor: int, *, available: int, before: Redeemed, point_type: str = ""
) -> Offer:
    """What a member may redeem towards an amount; the fewest points that give the most of it.

    The reasons are those for which the whole amount would be refused.
    """
    policy = worth.redemption
    wanted = worth.towards(amount_minor)
    reasons = refusals(policy, wanted, worth.minor(wanted), before)
    if available < wanted:
        reasons.append(points_missing(wanted, available, point_type))
    left = worth.towards(min(amount_minor, _left_minor(policy, before)))
    points = worth.towards(worth.minor(min(left, available)))
    if points < policy.min_points or before.count >= policy.per_day_max:
        points = 0
    return Offer(points, worth.minor(points), tuple(reasons))
