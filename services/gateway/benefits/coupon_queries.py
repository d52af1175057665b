"""Queries around coupons: what a basket costs with them, the campaigns of the program and their coupons."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import coupons_pb2 as pb
from services.gateway.admission.prices import ONE_PER_OPERATION
from services.gateway.benefits.types.coupon_pages import (
    CouponCampaignConnection,
    CouponConnection,
    page_of_campaigns,
    page_of_coupons,
)
from services.gateway.benefits.types.coupon_quotes import CouponQuote, QuoteCouponsInput, quote_of
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.pages import Cursor, page_token_at
from services.gateway.refused import Refused, attempted
from services.gateway.values import checked_first


@strawberry.type(description="The basket was counted.")
class QuotedCoupons:
    quote: CouponQuote = strawberry.field(description="What it costs.")


QuoteCouponsResult = Annotated[
    QuotedCoupons | Refused,
    strawberry.union("QuoteCouponsResult", description="What a basket costs, or a refusal."),
]


@strawberry.type
class CouponsQuery:
    @strawberry.field(
        description=(
            "What a basket costs a member with the discount of their tier and with coupons, and why a coupon "
            "does not count. Once in an operation, as codes may be guessed; who tries too many waits."
        ),
        metadata=ONE_PER_OPERATION,
    )
    async def quote_coupons(
        self,
        info: Info,
        input: Annotated[QuoteCouponsInput, strawberry.argument(description="The basket.")],  # noqa: A002
    ) -> QuoteCouponsResult | None:
        request = pb.QuoteCouponsRequest(
            program_id=info.context.program_id,
            member_id=member_key(input.member_id),
            basket=input.basket(),
            coupons=input.names(),
        )
        answer = await attempted(info.context.clients.coupons.QuoteCoupons(request, timeout=LIST_SECONDS))
        return answer if isinstance(answer, Refused) else QuotedCoupons(quote=quote_of(answer.quote))

    @strawberry.field(description="The campaigns of the program by key, with how far they are.")
    async def coupon_campaigns(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> CouponCampaignConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListCouponCampaignsResponse:
            request = pb.ListCouponCampaignsRequest(
                program_id=info.context.program_id, page_size=size, page_token=token
            )
            return await info.context.clients.coupons.ListCouponCampaigns(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_campaigns(pb.ListCouponCampaignsResponse(), "", after)
        return page_of_campaigns(await page(first, page_token), page_token, after)

    @strawberry.field(description="The coupons of a campaign, oldest first; of codes the last characters.")
    async def coupons(
        self,
        info: Info,
        campaign_key: Annotated[str, strawberry.argument(description="Key of the campaign.")],
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to go on after; of the same campaign.")
        ] = None,
    ) -> CouponConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListCouponsResponse:
            request = pb.ListCouponsRequest(
                program_id=info.context.program_id, campaign=campaign_key, page_size=size, page_token=token
            )
            return await info.context.clients.coupons.ListCoupons(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_coupons(pb.ListCouponsResponse(), "", after)
        return page_of_coupons(await page(first, page_token), page_token, after)
