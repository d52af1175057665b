"""Rewards: what the catalogue of a program offers for points, under which terms, and how many are left."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from libs.common.program import Program
from services.benefits.domain.errors import RewardChanged, RewardInvalid, StockTooLow
from services.benefits.domain.reward_windows import Window


class RewardKind(StrEnum):
    """What a reward is."""

    GOODS = "goods"
    COUPON = "coupon"
    SERVICE = "service"
    PRIVILEGE = "privilege"
    TICKET = "ticket"
    LOTTERY_TICKET = "lottery_ticket"
    NAMED_ITEM = "named_item"


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a reward may be given: to all, to a member, on a day, on so many days; None is no limit."""

    total_max: int | None = None
    member_max: int | None = None
    member_day_max: int | None = None
    member_period_max: int | None = None
    period_days: int | None = None

    @property
    def of_member(self) -> bool:
        """Whether it matters how often a member had it."""
        return any((self.member_max, self.member_day_max, self.member_period_max))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reward is, what it costs and who may have it. Texts are (Chinese, English).

    `point_type` is that of the points that it costs, empty for the redeemable
    ones. With `coupon_campaign` it gives a coupon of that campaign.
    """

    kind: RewardKind
    name: tuple[str, str]
    price_points: int
    value_minor: int
    reserve_minutes: int
    description: tuple[str, str] = ("", "")
    tier_set: str = ""
    tier: str = ""
    spend_min_minor: int = 0
    window: Window = field(default_factory=Window)
    limits: Limits = field(default_factory=Limits)
    point_type: str = ""
    coupon_campaign: str = ""


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward as it stands.

    `stocked` is what was put in stock so far, None without stock. `taken`
    counts what is reserved and fulfilled; where it can never run out
    (`counted` is false) nobody counts, so that no document is in every redemption.
    """

    program_id: str
    reward_id: str
    version: int
    terms: Terms
    counted: bool
    stocked: int | None
    created_time: datetime
    updated_time: datetime
    taken: int = 0
    archived: bool = False

    @property
    def ceiling(self) -> int | None:
        """How many may be taken in all, by stock and by the limit; None for any number."""
        bounds = [each for each in (self.stocked, self.terms.limits.total_max) if each is not None]
        return min(bounds, default=None)

    @property
    def left(self) -> int | None:
        """How many may still be had; None for any number."""
        return None if self.ceiling is None else max(0, self.ceiling - self.taken)


def created(
    program: Program,
    reward_id: str,
    terms: Terms,
    stocked: int | None,
    now: datetime,
    *,
    campaigns: Collection[str] = (),
) -> Reward:
    """A new reward of a program that has these campaigns of coupons, or RewardInvalid."""
    _check(terms, program, campaigns)
    return Reward(
        program_id=program.key,
        reward_id=reward_id,
        version=1,
        terms=terms,
        counted=stocked is not None or terms.limits.total_max is not None,
        stocked=stocked,
        created_time=now,
        updated_time=now,
    )


def changed(
    reward: Reward,
    version: int,
    terms: Terms,
    program: Program,
    *,
    archived: bool,
    now: datetime,
    campaigns: Collection[str] = (),
) -> Reward:
    """The reward under other terms, if it is the version that is to be changed.

    What was never counted cannot be bounded later: nobody knows how much was taken.
    """
    if version != reward.version:
        raise RewardChanged(version=reward.version)
    _check(terms, program, campaigns)
    if terms.limits.total_max is not None and not reward.counted:
        raise RewardInvalid(**{"terms.limits.total_max": "was made without a bound; make another reward"})
    return replace(reward, version=version + 1, terms=terms, archived=archived, updated_time=now)


def restocked(reward: Reward, added: int, now: datetime) -> Reward:
    """The reward with so many more, or fewer, in stock; what is taken cannot be taken off."""
    if reward.stocked is None:
        raise RewardInvalid(stock="the reward has no stock")
    stocked = reward.stocked + added
    if stocked < reward.taken:
        raise StockTooLow(left=reward.stocked - reward.taken, added=added)
    return replace(reward, stocked=stocked, updated_time=now)


def _check(terms: Terms, program: Program, campaigns: Collection[str]) -> None:
    """Refuse terms that contradict themselves or the program, with all that is wrong by field."""
    problems = {
        **_of_price(terms, program),
        **_of_coupon(terms, campaigns),
        **_of_tier(terms, program),
        **_of_window(terms.window),
        **_of_limits(terms.limits),
    }
    if problems:
        raise RewardInvalid(**problems)


def _of_price(terms: Terms, program: Program) -> dict[str, str]:
    if program.points.paying(terms.point_type) is None:
        return {"terms.point_type": "nothing is paid with points of this type"}
    return {}


def _of_coupon(terms: Terms, campaigns: Collection[str]) -> dict[str, str]:
    if not terms.coupon_campaign:
        return {}
    if terms.kind is not RewardKind.COUPON:
        return {"terms.coupon_campaign": "is for rewards of kind COUPON"}
    known = terms.coupon_campaign in campaigns
    return {} if known else {"terms.coupon_campaign": "the program has no such campaign of coupons"}


def _of_tier(terms: Terms, program: Program) -> dict[str, str]:
    if not terms.tier_set and not terms.tier:
        return {}
    found = next((each for each in program.tier_sets if each.key == terms.tier_set), None)
    if found is None:
        return {"terms.tier_set": "the program has no such tier set"}
    known = terms.tier in {tier.key for tier in found.tiers}
    return {} if known else {"terms.tier": "the tier set has no such tier"}


def _of_window(window: Window) -> dict[str, str]:
    problems = {}
    if window.from_time and window.until_time and window.from_time >= window.until_time:
        problems["terms.window"] = "ends before it begins"
    if any(each.from_minute >= each.to_minute for each in window.hours):
        problems["terms.window.hours"] = "end before they begin; split what goes over midnight"
    return problems


def _of_limits(limits: Limits) -> dict[str, str]:
    if (limits.member_period_max is None) == (limits.period_days is None):
        return {}
    return {"terms.limits": "member_period_max and period_days belong together"}
