"""Mutations around coupons: make a campaign, and take a coupon out of use."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from typing import Annotated

import strawberry

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.benefits.types.benefit_terms import BirthdayCare
from services.gateway.benefits.types.coupons import (
    Coupon,
    CouponCampaign,
    CouponKind,
    CouponStacking,
    campaign_of,
    coupon_of,
)
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.errors import InvalidInput
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import AmountMinor, Long, wire, zoned

NONE = AmountMinor(0)


@strawberry.input(description="A step of a threshold.")
class CouponStepInput:
    from_minor: AmountMinor = strawberry.field(description="From goods of so much on, before any discount.")
    off_minor: AmountMinor = strawberry.field(description="This is taken off.")


@strawberry.input(
    description="What coupons are worth, to whom, when and how often, in minor units. Bounds of 0 are none."
)
class CouponTermsInput:
    kind: CouponKind = strawberry.field(description="What is taken off.")
    off_bp: int = strawberry.field(
        default=0, description="Share that is taken off, in basis points. Of percentages and cashback."
    )
    off_minor: AmountMinor = strawberry.field(
        default=NONE, description="How much is taken off. Of amounts and cashback."
    )
    steps: list[CouponStepInput] = strawberry.field(
        default_factory=list, description="Of thresholds, ascending in both."
    )
    off_max_minor: AmountMinor = strawberry.field(
        default=NONE, description="The most that is taken off a check."
    )
    start_time: datetime = strawberry.field(
        description="From then on, by the program's clock, with its zone."
    )
    end_time: datetime = strawberry.field(
        description="Until then, that moment not included, by the program's clock, with its zone."
    )
    uses_per_coupon_max: int = strawberry.field(default=1, description="How often each coupon may be used.")
    uses_per_member_max: int = strawberry.field(
        default=0, description="How often one member may use the campaign."
    )
    uses_max: int = strawberry.field(default=0, description="How often the whole campaign may be used.")
    budget_minor: Long = strawberry.field(
        default=Long(0), description="The most that the whole campaign may take off."
    )
    stacking: CouponStacking = strawberry.field(
        default=CouponStacking.STACKABLE, description="Whether it goes with other coupons."
    )
    priority: int = strawberry.field(default=0, description="What is higher goes first, up to 1000.")
    tiers: list[str] = strawberry.field(
        default_factory=list,
        description="Tiers, of the program's first tier set, that may use it; all when empty.",
    )
    basket_min_minor: AmountMinor = strawberry.field(
        default=NONE, description="The least that the goods cost, before any discount."
    )
    first_order_only: bool = strawberry.field(
        default=False, description="Whether it is for members who have ordered nothing before."
    )
    birthday: BirthdayCare | None = strawberry.field(
        default=None, description="What of members' birthdays it is for, once a year for each of them."
    )
    returnable: bool = strawberry.field(
        default=False, description="Whether a use is given back when its check is returned."
    )

    def message(self) -> pb.CouponTerms:
        """The terms as benefits takes them."""
        if self.uses_per_coupon_max < 1:
            raise InvalidInput("usesPerCouponMax must be at least 1")
        return pb.CouponTerms(
            kind=wire(self.kind),
            off_bp=self.off_bp,
            off_minor=self.off_minor,
            steps=[
                pb.CouponStep(from_minor=each.from_minor, off_minor=each.off_minor) for each in self.steps
            ],
            off_max_minor=self.off_max_minor,
            start_time=timestamp(zoned(self.start_time)),
            end_time=timestamp(zoned(self.end_time)),
            uses_per_coupon_max=self.uses_per_coupon_max,
            uses_per_member_max=self.uses_per_member_max,
            uses_max=self.uses_max,
            budget_minor=self.budget_minor,
            stacking=wire(self.stacking),
            priority=self.priority,
            tiers=self.tiers,
            basket_min_minor=self.basket_min_minor,
            first_order_only=self.first_order_only,
            birthday=pb.CouponBirthday.Value(
                f"COUPON_BIRTHDAY_{self.birthday.name if self.birthday else 'UNSPECIFIED'}"
            ),
            returnable=self.returnable,
        )


@strawberry.input(description="A campaign of coupons.")
class CreateCouponCampaignInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    key: str = strawberry.field(description="Its key within the program.")
    name_zh: str = strawberry.field(description="Name in Chinese.")
    name_en: str = strawberry.field(description="Name in English.")
    terms: CouponTermsInput = strawberry.field(description="What its coupons are worth; they never change.")


@strawberry.input(description="A coupon that is to be good for nothing: by its code, or by its id.")
class VoidCouponInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    code: str | None = strawberry.field(default=None, description="Its code.")
    coupon_id: strawberry.ID | None = strawberry.field(default=None, description="Its id.")
    reason: str = strawberry.field(
        description="Why, up to 500 characters; kept for good, so without personal data."
    )

    def name(self) -> pb.CouponKey:
        """The coupon as benefits takes it."""
        match self.code, self.coupon_id:
            case str() as code, None:
                return pb.CouponKey(code=code)
            case None, str() as coupon_id:
                return pb.CouponKey(coupon_id=coupon_id)
        raise InvalidInput("one of code and couponId is needed")


@strawberry.type(description="The campaign was made, or was there.")
class CouponCampaignCreated:
    campaign: CouponCampaign = strawberry.field(description="The campaign.")


@strawberry.type(description="The coupon is out of use.")
class CouponVoided:
    coupon: Coupon = strawberry.field(description="The coupon.")


CreateCouponCampaignResult = Annotated[
    CouponCampaignCreated | Refused,
    strawberry.union("CreateCouponCampaignResult", description="The campaign, or a refusal."),
]
VoidCouponResult = Annotated[
    CouponVoided | Refused, strawberry.union("VoidCouponResult", description="The coupon, or a refusal.")
]


@strawberry.type
class CouponsMutation:
    @strawberry.mutation(description="Makes a campaign of coupons, which is live from then on.")
    async def create_coupon_campaign(
        self,
        info: Info,
        input: Annotated[CreateCouponCampaignInput, strawberry.argument(description="The campaign.")],  # noqa: A002
    ) -> CreateCouponCampaignResult | None:
        request = pb.CreateCouponCampaignRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            campaign=input.key,
            name_zh=input.name_zh,
            name_en=input.name_en,
            terms=input.terms.message(),
        )
        answer = await attempted(
            info.context.clients.coupons.CreateCouponCampaign(request, timeout=WRITE_SECONDS)
        )
        return (
            answer
            if isinstance(answer, Refused)
            else CouponCampaignCreated(campaign=campaign_of(answer.campaign))
        )

    @strawberry.mutation(
        description="Takes a coupon out of use for ever; what is reserved of it may be used."
    )
    async def void_coupon(
        self,
        info: Info,
        input: Annotated[VoidCouponInput, strawberry.argument(description="Which coupon.")],  # noqa: A002
    ) -> VoidCouponResult | None:
        request = pb.VoidCouponRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            coupon=input.name(),
            reason=input.reason,
        )
        answer = await attempted(info.context.clients.coupons.VoidCoupon(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else CouponVoided(coupon=coupon_of(answer.coupon))
