"""Coupons: campaigns with their terms and limits, and the coupons that members or bearers of a code hold."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from libs.common.birthdays import Care
from libs.common.documents import Text

COUPONS_MAX = 1_000_000
"""How many coupons a campaign may have."""


class CouponKind(StrEnum):
    """What a coupon takes off."""

    PERCENTAGE = "PERCENTAGE"
    AMOUNT = "AMOUNT"
    THRESHOLD = "THRESHOLD"
    CASHBACK = "CASHBACK"
    FREE_SHIPPING = "FREE_SHIPPING"


class CouponStatus(StrEnum):
    """How far a coupon is."""

    ISSUED = "ISSUED"
    RESERVED = "RESERVED"
    USED = "USED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class Step:
    """So much off from so much on."""

    from_minor: int
    off_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the coupons of a campaign are worth, to whom, when and how often; bounds of 0 are none."""

    kind: CouponKind
    off_bp: int = 0
    off_minor: int = 0
    steps: tuple[Step, ...] = ()
    off_max_minor: int = 0
    start_time: datetime
    end_time: datetime
    uses_per_coupon_max: int = 1
    uses_per_member_max: int = 0
    uses_max: int = 0
    budget_minor: int = 0
    exclusive: bool = False
    priority: int = 0
    tiers: tuple[str, ...] = ()
    basket_min_minor: int = 0
    first_order_only: bool = False
    birthday: Care | None = None
    returnable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign; `taken` is what is reserved or used of it."""

    program_id: str
    key: str
    name: Text
    terms: Terms
    created_time: datetime
    paused: bool = False
    codes_count: int = 0
    issued_count: int = 0
    void_count: int = 0
    taken_count: int = 0
    taken_minor: int = 0

    @property
    def campaign_id(self) -> str:
        """The key under which it is stored."""
        return campaign_id(self.program_id, self.key)

    @property
    def coupons_count(self) -> int:
        """Coupons that were made of it."""
        return self.codes_count + self.issued_count

    def says(self, other: "Campaign") -> bool:
        """Whether both are made alike."""
        return (self.campaign_id, self.name, self.terms) == (other.campaign_id, other.name, other.terms)


def campaign_id(program_id: str, key: str) -> str:
    """The key of a campaign: program and its own."""
    return f"{program_id}/{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A coupon of a member, or of whoever has its code; `taken_count` is how often it is reserved or used.

    `redemption_id` is what gave it, empty where the staff did.
    """

    coupon_id: str
    campaign_id: str
    member_id: str = ""
    redemption_id: str = ""
    ending: str = ""
    void: bool = False
    taken_count: int = 0
    created_time: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """A coupon as it is at a time of its program, `reserved_count` of its uses not being paid yet."""

    coupon: Coupon
    campaign: Campaign
    reserved_count: int
    time: datetime

    @property
    def status(self) -> CouponStatus:
        """How far it is."""
        if self.coupon.void:
            return CouponStatus.VOID
        if self.coupon.taken_count >= self.campaign.terms.uses_per_coupon_max:
            return CouponStatus.RESERVED if self.reserved_count else CouponStatus.USED
        return CouponStatus.EXPIRED if self.time >= self.campaign.terms.end_time else CouponStatus.ISSUED


def faults(terms: Terms, tiers: Collection[str]) -> dict[str, str]:
    """What is wrong with terms in a program of these tiers, by field; nothing when they are good."""
    found = {}
    if terms.end_time <= terms.start_time:
        found["end_time"] = "is not after start_time"
    given = {name for name in ("off_bp", "off_minor", "steps") if getattr(terms, name)}
    if given not in _GIVEN[terms.kind]:
        wanted = " or ".join(" and ".join(sorted(each)) or "none" for each in _GIVEN[terms.kind])
        found["kind"] = f"{terms.kind} takes {wanted} of off_bp, off_minor and steps"
    if not _ascending(terms.steps):
        found["steps"] = "ascend in from_minor and off_minor, and take off no more than they are from"
    if unknown := sorted(set(terms.tiers) - set(tiers)):
        found["tiers"] = f"are not in the program's first tier set: {', '.join(unknown)}"
    return found


_GIVEN: Mapping[CouponKind, tuple[set[str], ...]] = {
    CouponKind.PERCENTAGE: ({"off_bp"},),
    CouponKind.AMOUNT: ({"off_minor"},),
    CouponKind.THRESHOLD: ({"steps"},),
    CouponKind.CASHBACK: ({"off_bp"}, {"off_minor"}),
    CouponKind.FREE_SHIPPING: (set(),),
}


def _ascending(steps: tuple[Step, ...]) -> bool:
    rises = all(
        low.from_minor < high.from_minor and low.off_minor < high.off_minor for low, high in pairwise(steps)
    )
    return rises and all(each.off_minor <= each.from_minor for each in steps)
