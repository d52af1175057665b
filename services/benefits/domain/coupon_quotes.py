"""Quotes of coupons: what is asked for, by whom, and what a basket costs, with the reasons."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from libs.common.birthdays import Care
from libs.common.documents import Text
from services.benefits.domain.coupons import Campaign, Coupon
from services.benefits.domain.discounts import Basket, Off


class Why(StrEnum):
    """Why a coupon does not count."""

    UNKNOWN = "UNKNOWN"
    VOID = "VOID"
    USED_UP = "USED_UP"
    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    PAUSED = "PAUSED"
    CAMPAIGN_USED_UP = "CAMPAIGN_USED_UP"
    BUDGET_SPENT = "BUDGET_SPENT"
    MEMBER_LIMIT = "MEMBER_LIMIT"
    WRONG_TIER = "WRONG_TIER"
    BASKET_TOO_SMALL = "BASKET_TOO_SMALL"
    NOT_FIRST_ORDER = "NOT_FIRST_ORDER"
    NOT_BIRTHDAY = "NOT_BIRTHDAY"
    NOT_BIRTHDAY_MONTH = "NOT_BIRTHDAY_MONTH"
    BIRTHDAY_USED = "BIRTHDAY_USED"
    SAME_CAMPAIGN = "SAME_CAMPAIGN"
    EXCLUSIVE = "EXCLUSIVE"
    EXCLUDED = "EXCLUDED"
    TOO_MANY = "TOO_MANY"
    NOTHING_LEFT = "NOTHING_LEFT"


@dataclass(frozen=True, slots=True)
class CouponName:
    """A coupon as somebody names it: by its code, or by its id."""

    code: str = ""
    coupon_id: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A coupon that is asked for; `place` counts them from 1, and coupon and campaign are None if unknown."""

    place: int
    coupon: Coupon | None = None
    campaign: Campaign | None = None


@dataclass(frozen=True, slots=True)
class TierDiscount:
    """What members of a tier pay of a price."""

    tier: str
    name: Text
    discount_bp: int


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who buys: their tier, what they took of campaigns before, and whether this may be their first order.

    `cares` is what today is of their birthday; `birthday_taken` are campaigns that they took this year.
    """

    tier: TierDiscount | None = None
    taken: Mapping[str, int] = field(default_factory=dict)
    first_order: bool = False
    cares: Collection[Care] = frozenset()
    birthday_taken: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount that counts: a coupon's, or at place 0 the tier's."""

    off: Off
    place: int = 0
    coupon: Coupon | None = None
    campaign: Campaign | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A coupon that does not count; `params` are numbers and keys for the texts."""

    candidate: Candidate
    why: Why
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a basket costs, and how that comes."""

    basket: Basket
    tier: TierDiscount | None
    discounts: tuple[Discount, ...]
    refused: tuple[Refused, ...]
    time: datetime

    @property
    def goods_off_minor(self) -> int:
        return sum(each.off.goods_minor for each in self.discounts)

    @property
    def shipping_off_minor(self) -> int:
        return sum(each.off.shipping_minor for each in self.discounts)

    @property
    def cashback_minor(self) -> int:
        return sum(each.off.cashback_minor for each in self.discounts)

    @property
    def pay_minor(self) -> int:
        before = self.basket.goods_minor + self.basket.shipping_minor
        return before - self.goods_off_minor - self.shipping_off_minor

    def line_offs(self) -> list[int]:
        """What is taken off each line in all."""
        of_goods = [each.off.lines for each in self.discounts if each.off.goods_minor]
        return [sum(parts) for parts in zip(*of_goods, strict=True)] or [0] * len(self.basket.lines)
