"""What the graph shows of coupons: campaigns with their terms, and the coupons that members were given."""

from datetime import datetime
from enum import Enum
from types import MappingProxyType

import strawberry

from laurel.benefits.v1 import coupons_pb2 as pb
from services.gateway.benefits.types.benefit_terms import BirthdayCare
from services.gateway.values import LocalName, Long, known, time_of


@strawberry.enum(description="What a coupon takes off.")
class CouponKind(Enum):
    PERCENTAGE = strawberry.enum_value(
        pb.COUPON_KIND_PERCENTAGE, description="A share of what is left to pay for the goods."
    )
    AMOUNT = strawberry.enum_value(pb.COUPON_KIND_AMOUNT, description="An amount.")
    THRESHOLD = strawberry.enum_value(
        pb.COUPON_KIND_THRESHOLD, description="So much off from so much on: the highest step that is reached."
    )
    CASHBACK = strawberry.enum_value(
        pb.COUPON_KIND_CASHBACK, description="A share or an amount that is given back later."
    )
    FREE_SHIPPING = strawberry.enum_value(pb.COUPON_KIND_FREE_SHIPPING, description="The shipping.")


@strawberry.enum(description="Whether a coupon goes with others; the discount of the tier goes with all.")
class CouponStacking(Enum):
    STACKABLE = strawberry.enum_value(
        pb.COUPON_STACKING_STACKABLE, description="Together with other stackable ones."
    )
    EXCLUSIVE = strawberry.enum_value(pb.COUPON_STACKING_EXCLUSIVE, description="The only coupon of a check.")


@strawberry.enum(description="Whether coupons of a campaign may be used, within its window.")
class CouponCampaignStatus(Enum):
    LIVE = strawberry.enum_value(pb.COUPON_CAMPAIGN_STATUS_LIVE, description="They may.")
    PAUSED = strawberry.enum_value(pb.COUPON_CAMPAIGN_STATUS_PAUSED, description="Somebody stopped it.")


@strawberry.enum(description="How far a coupon is.")
class CouponStatus(Enum):
    ISSUED = strawberry.enum_value(pb.COUPON_STATUS_ISSUED, description="It has uses left.")
    RESERVED = strawberry.enum_value(
        pb.COUPON_STATUS_RESERVED, description="All its uses are taken, some by checks that are not paid yet."
    )
    USED = strawberry.enum_value(pb.COUPON_STATUS_USED, description="Used as often as may be.")
    EXPIRED = strawberry.enum_value(
        pb.COUPON_STATUS_EXPIRED, description="The window of its campaign is over."
    )
    VOID = strawberry.enum_value(pb.COUPON_STATUS_VOID, description="Somebody took it out of use.")


@strawberry.type(description="A step of a threshold.")
class CouponStep:
    from_minor: Long = strawberry.field(description="From goods of so much on, before any discount.")
    off_minor: Long = strawberry.field(description="This is taken off.")


_CARES = MappingProxyType(
    {pb.COUPON_BIRTHDAY_DAY: BirthdayCare.DAY, pb.COUPON_BIRTHDAY_MONTH: BirthdayCare.MONTH}
)


@strawberry.type(
    description="What coupons are worth, to whom, when and how often, in minor units. Bounds of 0 are none."
)
class CouponTerms:
    kind: CouponKind | None = strawberry.field(description="What is taken off.")
    off_bp: int = strawberry.field(description="Share that is taken off, in basis points: 500 is 5 % off.")
    off_minor: Long = strawberry.field(description="How much is taken off.")
    steps: list[CouponStep] = strawberry.field(description="Of thresholds.")
    off_max_minor: Long = strawberry.field(description="The most that is taken off a check.")
    start_time: datetime | None = strawberry.field(description="From then on, by the program's clock.")
    end_time: datetime | None = strawberry.field(
        description="Until then, that moment not included, by the program's clock."
    )
    uses_per_coupon_max: int = strawberry.field(description="How often each coupon may be used.")
    uses_per_member_max: int = strawberry.field(description="How often one member may use the campaign.")
    uses_max: Long = strawberry.field(description="How often the whole campaign may be used.")
    budget_minor: Long = strawberry.field(description="The most that the whole campaign may take off.")
    stacking: CouponStacking | None = strawberry.field(description="Whether it goes with other coupons.")
    priority: int = strawberry.field(description="What is higher goes first.")
    tiers: list[str] = strawberry.field(description="Tiers that may use it; all when empty.")
    basket_min_minor: Long = strawberry.field(description="The least that the goods cost.")
    first_order_only: bool = strawberry.field(
        description="Whether it is for members who have ordered nothing before."
    )
    birthday: BirthdayCare | None = strawberry.field(
        description="What of members' birthdays it is for, once a year for each; null if it is for any day."
    )
    returnable: bool = strawberry.field(description="Whether a use is given back when its check is returned.")


@strawberry.type(description="How far a campaign is.")
class CouponCounts:
    codes: Long = strawberry.field(description="Coupons with a code.")
    issued: Long = strawberry.field(description="Coupons given to members.")
    void: Long = strawberry.field(description="Coupons taken out of use.")
    reserved: Long = strawberry.field(description="Uses for checks that are not paid yet.")
    used: Long = strawberry.field(description="Uses for checks that were paid.")
    reserved_minor: Long = strawberry.field(description="What those not paid yet take off.")
    used_minor: Long = strawberry.field(description="What those paid took off.")


@strawberry.type(description="A campaign of coupons.")
class CouponCampaign:
    key: str = strawberry.field(description="Key, such as `summer`.")
    name: LocalName = strawberry.field(description="Name for people.")
    terms: CouponTerms = strawberry.field(description="What its coupons are worth; they never change.")
    status: CouponCampaignStatus | None = strawberry.field(description="Whether they may be used.")
    created_time: datetime | None = strawberry.field(description="When it was made.")
    counts: CouponCounts | None = strawberry.field(
        description="How far it is; null where it comes with a coupon of a member."
    )


@strawberry.type(description="A coupon.")
class Coupon:
    id: strawberry.ID = strawberry.field(description="Id of the coupon: `cpn_…`.")
    campaign_key: str = strawberry.field(description="Key of its campaign.")
    member_id: strawberry.ID | None = strawberry.field(
        description="Whose it is: `mem_…`; null for one with a code, which is whoever's who has the code."
    )
    status: CouponStatus | None = strawberry.field(description="How far it is.")
    ending: str | None = strawberry.field(
        description="The last four characters of its code; null for one that was given to a member."
    )
    reserved_count: int = strawberry.field(description="Uses for checks that are not paid yet.")
    used_count: int = strawberry.field(description="Uses for checks that were paid.")
    created_time: datetime | None = strawberry.field(description="When it was made.")


@strawberry.type(description="A coupon that a member was given, with what it is worth.")
class MemberCoupon:
    coupon: Coupon = strawberry.field(description="The coupon.")
    campaign: CouponCampaign = strawberry.field(description="Its campaign.")


def campaign_of(campaign: pb.CouponCampaign) -> CouponCampaign:
    """A campaign as the graph shows it."""
    return CouponCampaign(
        key=campaign.campaign,
        name=LocalName(zh=campaign.name_zh, en=campaign.name_en),
        terms=_terms(campaign.terms),
        status=known(CouponCampaignStatus, campaign.status),
        created_time=time_of(campaign, "created_time"),
        counts=_counts(campaign.counts) if campaign.HasField("counts") else None,
    )


def coupon_of(coupon: pb.Coupon) -> Coupon:
    """A coupon as the graph shows it."""
    return Coupon(
        id=strawberry.ID(coupon.coupon_id),
        campaign_key=coupon.campaign,
        member_id=strawberry.ID(coupon.member_id) if coupon.member_id else None,
        status=known(CouponStatus, coupon.status),
        ending=coupon.ending or None,
        reserved_count=coupon.reserved_count,
        used_count=coupon.used_count,
        created_time=time_of(coupon, "created_time"),
    )


def member_coupon_of(held: pb.MemberCoupon) -> MemberCoupon:
    """A coupon of a member as the graph shows it."""
    return MemberCoupon(coupon=coupon_of(held.coupon), campaign=campaign_of(held.campaign))


def _terms(terms: pb.CouponTerms) -> CouponTerms:
    steps = [
        CouponStep(from_minor=Long(each.from_minor), off_minor=Long(each.off_minor)) for each in terms.steps
    ]
    return CouponTerms(
        kind=known(CouponKind, terms.kind),
        off_bp=terms.off_bp,
        off_minor=Long(terms.off_minor),
        steps=steps,
        off_max_minor=Long(terms.off_max_minor),
        start_time=time_of(terms, "start_time"),
        end_time=time_of(terms, "end_time"),
        uses_per_coupon_max=terms.uses_per_coupon_max,
        uses_per_member_max=terms.uses_per_member_max,
        uses_max=Long(terms.uses_max),
        budget_minor=Long(terms.budget_minor),
        stacking=known(CouponStacking, terms.stacking),
        priority=terms.priority,
        tiers=list(terms.tiers),
        basket_min_minor=Long(terms.basket_min_minor),
        first_order_only=terms.first_order_only,
        birthday=_CARES.get(terms.birthday),
        returnable=terms.returnable,
    )


def _counts(counts: pb.CouponCounts) -> CouponCounts:
    return CouponCounts(
        codes=Long(counts.codes_count),
        issued=Long(counts.issued_count),
        void=Long(counts.void_count),
        reserved=Long(counts.reserved_count),
        used=Long(counts.used_count),
        reserved_minor=Long(counts.reserved_minor),
        used_minor=Long(counts.used_minor),
    )
