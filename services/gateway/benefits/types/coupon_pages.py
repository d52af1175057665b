"""Pages of coupons in the graph: the campaigns of a program, and the coupons of a campaign."""

import strawberry
from strawberry import relay

from laurel.benefits.v1 import coupons_pb2 as pb
from services.gateway.benefits.types.coupons import Coupon, CouponCampaign, campaign_of, coupon_of
from services.gateway.pages import cursors, page_info


@strawberry.type(description="A campaign in a list.")
class CouponCampaignEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: CouponCampaign = strawberry.field(description="The campaign.")


@strawberry.type(description="A page of campaigns.")
class CouponCampaignConnection:
    edges: list[CouponCampaignEdge] = strawberry.field(description="The campaigns with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


@strawberry.type(description="A coupon in a list.")
class CouponEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Coupon = strawberry.field(description="The coupon.")


@strawberry.type(description="A page of the coupons of a campaign.")
class CouponConnection:
    edges: list[CouponEdge] = strawberry.field(description="The coupons with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def page_of_campaigns(
    page: pb.ListCouponCampaignsResponse, page_token: str, after: str | None
) -> CouponCampaignConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.campaigns))
    return CouponCampaignConnection(
        edges=[
            CouponCampaignEdge(cursor=cursor, node=campaign_of(campaign))
            for cursor, campaign in zip(places, page.campaigns, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def page_of_coupons(page: pb.ListCouponsResponse, page_token: str, after: str | None) -> CouponConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.coupons))
    return CouponConnection(
        edges=[
            CouponEdge(cursor=cursor, node=coupon_of(coupon))
            for cursor, coupon in zip(places, page.coupons, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )
