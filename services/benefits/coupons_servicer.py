"""The gRPC edge of coupons: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import coupons_pb2 as pb
from laurel.benefits.v1 import coupons_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.campaigns_servicer import CampaignRpcs
from services.benefits.coupon_messages import (
    basket_of,
    campaign_message,
    name_of,
    quote_message,
    reservation_message,
    shown_message,
)
from services.benefits.handlers.coupon_quotes import Check, CouponQuotes
from services.benefits.handlers.coupon_reads import CouponReads
from services.benefits.handlers.coupon_reservations import ReservationHandlers

PAGE_SIZE, FIRST = 50, 20
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class CouponsServicer(CampaignRpcs, coupons_pb2_grpc.CouponsServiceServicer):
    """CouponsService over the handlers of campaigns, coupons and reservations."""

    quotes: CouponQuotes
    reservations: ReservationHandlers
    reads: CouponReads

    async def ListCoupons(self, message: pb.ListCouponsRequest, context: Any) -> pb.ListCouponsResponse:
        filters = (message.program_id, message.campaign)
        found, following = await self.reads.of_campaign(
            message.program_id,
            message.campaign,
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListCouponsResponse(
            coupons=[shown_message(each) for each in found],
            next_page_token=page_token(following, *filters) if following else "",
        )

    async def QuoteCoupons(self, message: pb.QuoteCouponsRequest, context: Any) -> pb.QuoteCouponsResponse:
        check = _check(message)
        quote = await self.quotes.quote(check)
        return pb.QuoteCouponsResponse(quote=quote_message(quote, check.currency))

    async def ReserveCoupons(
        self, message: pb.ReserveCouponsRequest, context: Any
    ) -> pb.ReserveCouponsResponse:
        asked = request(
            message.program_id, "ReserveCoupons", message.request_id, message, pb.ReserveCouponsResponse
        )
        return await self.reservations.reserve(
            _check(message),
            message.check_ref,
            asked,
            lambda kept: pb.ReserveCouponsResponse(reservation=reservation_message(kept)),
        )

    async def UseCoupons(self, message: pb.UseCouponsRequest, context: Any) -> pb.UseCouponsResponse:
        asked = request(message.program_id, "UseCoupons", message.request_id, message, pb.UseCouponsResponse)
        return await self.reservations.use(
            message.program_id,
            message.check_ref,
            asked,
            lambda kept: pb.UseCouponsResponse(reservation=reservation_message(kept)),
        )

    async def CancelCoupons(self, message: pb.CancelCouponsRequest, context: Any) -> pb.CancelCouponsResponse:
        asked = request(
            message.program_id, "CancelCoupons", message.request_id, message, pb.CancelCouponsResponse
        )
        return await self.reservations.cancel(
            message.program_id,
            message.check_ref,
            asked,
            lambda kept: pb.CancelCouponsResponse(reservation=reservation_message(kept)),
        )

    async def BatchListMemberCoupons(
        self, message: pb.BatchListMemberCouponsRequest, context: Any
    ) -> pb.BatchListMemberCouponsResponse:
        found = await self.reads.of_members(message.program_id, message.member_ids, message.first or FIRST)
        return pb.BatchListMemberCouponsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda held: pb.MemberCouponsResult(
                    status=FOUND,
                    coupons=[
                        pb.MemberCoupon(coupon=shown_message(each), campaign=campaign_message(each.campaign))
                        for each in held
                    ],
                ),
                missing=pb.MemberCouponsResult(status=MISSING),
            )
        )


def _check(message: pb.QuoteCouponsRequest | pb.ReserveCouponsRequest) -> Check:
    return Check(
        program_id=message.program_id,
        member_id=message.member_id,
        currency=message.basket.currency,
        basket=basket_of(message.basket),
        names=tuple(name_of(each) for each in message.coupons),
    )
