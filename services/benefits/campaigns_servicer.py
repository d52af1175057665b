"""The gRPC edge of coupon campaigns, a part of CouponsService: messages to commands, results to messages."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.documents import Text
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from services.benefits.coupon_messages import campaign_message, name_of, shown_message, terms_of
from services.benefits.handlers.coupon_campaigns import CampaignHandlers
from services.benefits.handlers.coupon_issue import IssueHandlers

PAGE_SIZE = 50


@dataclass(frozen=True)
class CampaignRpcs:
    """The RPCs of CouponsService by which the staff make campaigns and coupons."""

    campaigns: CampaignHandlers
    issuing: IssueHandlers

    async def CreateCouponCampaign(
        self, message: pb.CreateCouponCampaignRequest, context: Any
    ) -> pb.CreateCouponCampaignResponse:
        asked = request(
            message.program_id,
            "CreateCouponCampaign",
            message.request_id,
            message,
            pb.CreateCouponCampaignResponse,
        )
        return await self.campaigns.create(
            message.program_id,
            message.campaign,
            Text(zh=message.name_zh, en=message.name_en),
            terms_of(message.terms),
            asked,
            lambda made, opened: pb.CreateCouponCampaignResponse(campaign=campaign_message(made, opened)),
        )

    async def GenerateCouponCodes(
        self, message: pb.GenerateCouponCodesRequest, context: Any
    ) -> pb.GenerateCouponCodesResponse:
        asked = request(
            message.program_id,
            "GenerateCouponCodes",
            message.request_id,
            message,
            pb.GenerateCouponCodesResponse,
        )
        return await self.issuing.generate(
            message.program_id,
            message.campaign,
            message.count,
            asked,
            lambda codes, count: pb.GenerateCouponCodesResponse(codes=codes, codes_count=count),
        )

    async def IssueCoupons(self, message: pb.IssueCouponsRequest, context: Any) -> pb.IssueCouponsResponse:
        asked = request(
            message.program_id, "IssueCoupons", message.request_id, message, pb.IssueCouponsResponse
        )
        return await self.issuing.issue(
            message.program_id,
            message.campaign,
            message.member_ids,
            asked,
            lambda given: pb.IssueCouponsResponse(
                results=[_issued(given.get(member_id)) for member_id in message.member_ids]
            ),
        )

    async def PauseCouponCampaign(
        self, message: pb.PauseCouponCampaignRequest, context: Any
    ) -> pb.PauseCouponCampaignResponse:
        asked = request(
            message.program_id,
            "PauseCouponCampaign",
            message.request_id,
            message,
            pb.PauseCouponCampaignResponse,
        )
        return await self.campaigns.set_paused(
            message.program_id,
            message.campaign,
            paused=True,
            request=asked,
            answer=lambda kept, opened: pb.PauseCouponCampaignResponse(
                campaign=campaign_message(kept, opened)
            ),
        )

    async def ResumeCouponCampaign(
        self, message: pb.ResumeCouponCampaignRequest, context: Any
    ) -> pb.ResumeCouponCampaignResponse:
        asked = request(
            message.program_id,
            "ResumeCouponCampaign",
            message.request_id,
            message,
            pb.ResumeCouponCampaignResponse,
        )
        return await self.campaigns.set_paused(
            message.program_id,
            message.campaign,
            paused=False,
            request=asked,
            answer=lambda kept, opened: pb.ResumeCouponCampaignResponse(
                campaign=campaign_message(kept, opened)
            ),
        )

    async def ListCouponCampaigns(
        self, message: pb.ListCouponCampaignsRequest, context: Any
    ) -> pb.ListCouponCampaignsResponse:
        found, following = await self.campaigns.page(
            message.program_id,
            after=page_after(message.page_token, message.program_id),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListCouponCampaignsResponse(
            campaigns=[campaign_message(*each) for each in found],
            next_page_token=page_token(following, message.program_id) if following else "",
        )

    async def VoidCoupon(self, message: pb.VoidCouponRequest, context: Any) -> pb.VoidCouponResponse:
        asked = request(message.program_id, "VoidCoupon", message.request_id, message, pb.VoidCouponResponse)
        return await self.issuing.make_void(
            message.program_id,
            name_of(message.coupon),
            message.reason,
            asked,
            lambda told: pb.VoidCouponResponse(coupon=shown_message(told)),
        )


def _issued(given: tuple[str, bool] | None) -> pb.IssuedCoupon:
    if given is None:
        return pb.IssuedCoupon(status=lookup_pb2.LOOKUP_STATUS_MISSING)
    coupon_id, had_before = given
    return pb.IssuedCoupon(status=lookup_pb2.LOOKUP_STATUS_FOUND, coupon_id=coupon_id, had_before=had_before)
