"""Mutations around a campaign: give its coupons to members, make codes, stop it and let it go on."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.common.v1 import lookup_pb2
from services.gateway.benefits.types.coupons import CouponCampaign, campaign_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import Long

CAMPAIGN = "Key of the campaign."


@strawberry.input(description="Members who are to have a coupon of a campaign.")
class IssueCouponsInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    campaign_key: str = strawberry.field(description=CAMPAIGN)
    member_ids: list[strawberry.ID] = strawberry.field(
        description="To whom, 1 to 100, each once: their global ids, or the platform's own `mem_…`."
    )


@strawberry.input(description="Codes that are to be made.")
class GenerateCouponCodesInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    campaign_key: str = strawberry.field(description=CAMPAIGN)
    count: int = strawberry.field(
        description="How many, 1 to 1,000; for more, ask again under another `requestId`."
    )


@strawberry.input(description="A campaign that is to be stopped.")
class PauseCouponCampaignInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    campaign_key: str = strawberry.field(description=CAMPAIGN)


@strawberry.input(description="A campaign that is to go on.")
class ResumeCouponCampaignInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    campaign_key: str = strawberry.field(description=CAMPAIGN)


@strawberry.type(description="What became of one member.")
class IssuedCoupon:
    member_id: strawberry.ID = strawberry.field(description="The member: `mem_…`.")
    coupon_id: strawberry.ID | None = strawberry.field(
        description="Their coupon of the campaign; null when there is no such member."
    )
    had_before: bool = strawberry.field(description="Whether they had it before: nobody gets a second one.")


@strawberry.type(description="The members have their coupons.")
class CouponsIssued:
    results: list[IssuedCoupon] = strawberry.field(description="One for each member, in order.")


@strawberry.type(
    description="Codes were made. They are told here and nowhere else: what is kept does not lead to them."
)
class CouponCodesGenerated:
    codes: list[str] = strawberry.field(
        description="The codes; the same ones under the same `requestId`, for 30 days."
    )
    codes_count: Long = strawberry.field(description="How many the campaign has by then.")


@strawberry.type(description="The campaign is stopped, or live, whether or not it was so before.")
class CouponCampaignChanged:
    campaign: CouponCampaign = strawberry.field(description="As it stands.")


IssueCouponsResult = Annotated[
    CouponsIssued | Refused, strawberry.union("IssueCouponsResult", description="The coupons, or a refusal.")
]
GenerateCouponCodesResult = Annotated[
    CouponCodesGenerated | Refused,
    strawberry.union("GenerateCouponCodesResult", description="The codes, or a refusal."),
]
PauseCouponCampaignResult = Annotated[
    CouponCampaignChanged | Refused,
    strawberry.union("PauseCouponCampaignResult", description="The campaign, or a refusal."),
]
ResumeCouponCampaignResult = Annotated[
    CouponCampaignChanged | Refused,
    strawberry.union("ResumeCouponCampaignResult", description="The campaign, or a refusal."),
]


@strawberry.type
class CampaignsMutation:
    @strawberry.mutation(description="Gives members a coupon of a campaign, one to each, without a code.")
    async def issue_coupons(
        self,
        info: Info,
        input: Annotated[IssueCouponsInput, strawberry.argument(description="To whom.")],  # noqa: A002
    ) -> IssueCouponsResult | None:
        request = pb.IssueCouponsRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            campaign=input.campaign_key,
            member_ids=[member_key(each) for each in input.member_ids],
        )
        answer = await attempted(info.context.clients.coupons.IssueCoupons(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return CouponsIssued(
            results=[
                _issued(member_id, each)
                for member_id, each in zip(request.member_ids, answer.results, strict=True)
            ]
        )

    @strawberry.mutation(description="Makes coupons for whoever has their code, and tells the codes.")
    async def generate_coupon_codes(
        self,
        info: Info,
        input: Annotated[GenerateCouponCodesInput, strawberry.argument(description="How many.")],  # noqa: A002
    ) -> GenerateCouponCodesResult | None:
        request = pb.GenerateCouponCodesRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            campaign=input.campaign_key,
            count=input.count,
        )
        answer = await attempted(
            info.context.clients.coupons.GenerateCouponCodes(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return CouponCodesGenerated(codes=list(answer.codes), codes_count=Long(answer.codes_count))

    @strawberry.mutation(
        description="Stops a campaign: nothing more is reserved, and what is reserved may be used."
    )
    async def pause_coupon_campaign(
        self,
        info: Info,
        input: Annotated[PauseCouponCampaignInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> PauseCouponCampaignResult | None:
        request = pb.PauseCouponCampaignRequest(
            program_id=info.context.program_id, request_id=input.request_id, campaign=input.campaign_key
        )
        answer = await attempted(
            info.context.clients.coupons.PauseCouponCampaign(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return CouponCampaignChanged(campaign=campaign_of(answer.campaign))

    @strawberry.mutation(description="Lets a stopped campaign go on.")
    async def resume_coupon_campaign(
        self,
        info: Info,
        input: Annotated[ResumeCouponCampaignInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> ResumeCouponCampaignResult | None:
        request = pb.ResumeCouponCampaignRequest(
            program_id=info.context.program_id, request_id=input.request_id, campaign=input.campaign_key
        )
        answer = await attempted(
            info.context.clients.coupons.ResumeCouponCampaign(request, timeout=WRITE_SECONDS)
        )
        if isinstance(answer, Refused):
            return answer
        return CouponCampaignChanged(campaign=campaign_of(answer.campaign))


def _issued(member_id: str, issued: pb.IssuedCoupon) -> IssuedCoupon:
    found = issued.status == lookup_pb2.LOOKUP_STATUS_FOUND
    return IssuedCoupon(
        member_id=strawberry.ID(member_id),
        coupon_id=strawberry.ID(issued.coupon_id) if found else None,
        had_before=issued.had_before,
    )
