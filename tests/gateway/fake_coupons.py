"""The coupons of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.benefits.v1 import coupons_pb2_grpc
from libs.common.errors import Kind, Refusal
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, REFUSED, Context, Fake, SaysNo

COUPON_ID = f"cpn_{1:032x}"
LISTED = 3


def a_campaign(key: str = "summer") -> pb.CouponCampaign:
    """50 off from 300 on, until noon."""
    return pb.CouponCampaign(
        campaign=key,
        name_zh="满减券",
        name_en="Summer",
        terms=pb.CouponTerms(
            kind=pb.COUPON_KIND_THRESHOLD,
            steps=[pb.CouponStep(from_minor=30_000, off_minor=5_000)],
            start_time=timestamp(world.NOON),
            end_time=timestamp(world.NOON),
            uses_per_coupon_max=1,
            stacking=pb.COUPON_STACKING_EXCLUSIVE,
            tiers=["gold"],
        ),
        status=pb.COUPON_CAMPAIGN_STATUS_LIVE,
        created_time=timestamp(world.NOON),
        counts=pb.CouponCounts(codes_count=3, used_count=2, used_minor=10_000),
    )


def a_coupon(owner: str = "", number: int = 1, campaign: str = "summer") -> pb.Coupon:
    return pb.Coupon(
        coupon_id=f"cpn_{number:032x}",
        campaign=campaign,
        member_id=owner,
        status=pb.COUPON_STATUS_ISSUED,
        created_time=timestamp(world.NOON),
    )


def a_quote(request: pb.QuoteCouponsRequest) -> pb.CouponQuote:
    """Gold, and the first coupon; the others are too small."""
    goods = sum(each.amount_minor for each in request.basket.lines)
    lines = [pb.LineDiscount(line=1, off_minor=5_000)]
    return pb.CouponQuote(
        currency=request.basket.currency,
        goods_minor=goods,
        shipping_minor=request.basket.shipping_minor,
        off_minor=5_000,
        pay_minor=goods - 5_000,
        discounts=[
            pb.CouponDiscount(
                place=1,
                coupon_id=COUPON_ID,
                campaign="summer",
                name_en="Summer",
                kind=pb.COUPON_KIND_THRESHOLD,
                off_minor=5_000,
                lines=lines,
            )
        ],
        refused=[
            pb.RefusedCoupon(
                place=place,
                campaign="winter",
                why=pb.COUPON_REFUSAL_BASKET_TOO_SMALL,
                params={"missing": "1"},
                text_zh="还差US$0.01。",
                text_en="It needs $0.01 more.",
            )
            for place in range(2, max(2, len(request.coupons)) + 1)
        ],
        lines=lines,
        quoted_time=timestamp(world.NOON),
    )


class NoCampaign(Refusal):
    reason, kind, text = "COUPON_CAMPAIGN_UNKNOWN", Kind.NOT_FOUND, "no such campaign"


class FakeCoupons(Fake, coupons_pb2_grpc.CouponsServiceServicer):
    async def QuoteCoupons(self, request: pb.QuoteCouponsRequest, context: Context) -> Any:
        """Refuses who tries the code that is refused."""
        await self.begin("QuoteCoupons", request)
        if REFUSED in [each.code for each in request.coupons]:
            raise SaysNo(member_id="mem_unknown")
        return pb.QuoteCouponsResponse(quote=a_quote(request))

    async def ListCouponCampaigns(self, request: pb.ListCouponCampaignsRequest, context: Context) -> Any:
        await self.begin("ListCouponCampaigns", request)
        after = page_after(request.page_token, request.program_id)
        keys = [key for key in ("autumn", "summer", "winter") if after is None or key > after]
        page = keys[: request.page_size]
        more = page_token(page[-1], request.program_id) if len(keys) > len(page) else ""
        return pb.ListCouponCampaignsResponse(
            campaigns=[a_campaign(key) for key in page], next_page_token=more
        )

    async def CreateCouponCampaign(self, request: pb.CreateCouponCampaignRequest, context: Context) -> Any:
        await self.begin("CreateCouponCampaign", request)
        return pb.CreateCouponCampaignResponse(campaign=a_campaign(request.campaign))

    async def ListCoupons(self, request: pb.ListCouponsRequest, context: Context) -> Any:
        """One with a code and two of members; another campaign than this one is not there."""
        await self.begin("ListCoupons", request)
        if request.campaign != "summer":
            raise NoCampaign
        begin = int(page_after(request.page_token, request.campaign) or 0)
        end = min(LISTED, begin + request.page_size)
        owners = ["", world.member_id(1), world.member_id(2)]
        coupons = [a_coupon(owners[number], number + 1) for number in range(begin, end)]
        for each in coupons:
            each.ending, each.reserved_count = ("" if each.member_id else "P9TZ"), 1
        more = page_token(str(end), request.campaign) if end < LISTED else ""
        return pb.ListCouponsResponse(coupons=coupons, next_page_token=more)

    async def IssueCoupons(self, request: pb.IssueCouponsRequest, context: Context) -> Any:
        """The first member has theirs already."""
        await self.begin("IssueCoupons", request)
        results = self.per_member(
            lambda owner: pb.IssuedCoupon(
                status=FOUND, coupon_id=COUPON_ID, had_before=owner == world.member_id(1)
            ),
            pb.IssuedCoupon(status=MISSING),
            request.member_ids,
        )
        return pb.IssueCouponsResponse(results=results)

    async def GenerateCouponCodes(self, request: pb.GenerateCouponCodesRequest, context: Context) -> Any:
        await self.begin("GenerateCouponCodes", request)
        codes = [f"7KQM-4WXR-HN2D-{number:04}" for number in range(request.count)]
        return pb.GenerateCouponCodesResponse(codes=codes, codes_count=2**40)

    async def PauseCouponCampaign(self, request: pb.PauseCouponCampaignRequest, context: Context) -> Any:
        await self.begin("PauseCouponCampaign", request)
        campaign = a_campaign(request.campaign)
        campaign.status = pb.COUPON_CAMPAIGN_STATUS_PAUSED
        return pb.PauseCouponCampaignResponse(campaign=campaign)

    async def ResumeCouponCampaign(self, request: pb.ResumeCouponCampaignRequest, context: Context) -> Any:
        await self.begin("ResumeCouponCampaign", request)
        return pb.ResumeCouponCampaignResponse(campaign=a_campaign(request.campaign))

    async def VoidCoupon(self, request: pb.VoidCouponRequest, context: Context) -> Any:
        await self.begin("VoidCoupon", request)
        coupon = a_coupon()
        coupon.status = pb.COUPON_STATUS_VOID
        return pb.VoidCouponResponse(coupon=coupon)

    async def BatchListMemberCoupons(
        self, request: pb.BatchListMemberCouponsRequest, context: Context
    ) -> Any:
        await self.begin("BatchListMemberCoupons", request)
        campaign = a_campaign()
        campaign.ClearField("counts")
        results = self.per_member(
            lambda owner: pb.MemberCouponsResult(
                status=FOUND,
                coupons=[pb.MemberCoupon(coupon=a_coupon(owner), campaign=campaign)][: request.first],
            ),
            pb.MemberCouponsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListMemberCouponsResponse(results=results)
