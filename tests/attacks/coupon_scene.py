"""The coupons of a shop under attack, and valid requests about them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from laurel.benefits.v1 import coupons_pb2 as pb
from libs.cli.clients import connected, connected_partner, staff_token
from libs.cli.data_folder import RunFile
from libs.common.ids import new_id

CAMPAIGN, STOPPED, CHECKS = "attacked", "stopped", ("attacked_1", "attacked_2")
# Long before the clock of the shops begins, and long after whatever happens there.
WINDOW = {"start_time": "1990-01-01T00:00:00Z", "end_time": "2090-01-01T00:00:00Z"}
BASKET = {"currency": "USD", "lines": [{"line": 1, "amount_minor": 10_000}], "shipping_minor": 500}


def _terms() -> pb.CouponTerms:
    terms = pb.CouponTerms(kind=pb.COUPON_KIND_AMOUNT, off_minor=10, uses_per_coupon_max=1_000_000)
    terms.start_time.FromJsonString(WINDOW["start_time"])
    terms.end_time.FromJsonString(WINDOW["end_time"])
    return terms


async def coupons(run: RunFile, program_id: str, *, partner_id: str, member_ids: Sequence[str]) -> list[str]:
    """Coupons of these members, which may be used as often as anybody likes; two checks keep the first."""
    async with connected(run, staff_token(run, program_id)) as staff:
        for key in (CAMPAIGN, STOPPED):
            await staff.coupons.CreateCouponCampaign(
                pb.CreateCouponCampaignRequest(
                    program_id=program_id,
                    request_id=new_id("req"),
                    campaign=key,
                    name_zh="券",
                    name_en="Off",
                    terms=_terms(),
                )
            )
        issued = await staff.coupons.IssueCoupons(
            pb.IssueCouponsRequest(
                program_id=program_id, request_id=new_id("req"), campaign=CAMPAIGN, member_ids=member_ids
            )
        )
    ids = [each.coupon_id for each in issued.results]
    async with connected_partner(run, program_id, partner_id) as partner:
        for check_ref in CHECKS:
            await partner.coupons.ReserveCoupons(
                pb.ReserveCouponsRequest(
                    program_id=program_id,
                    request_id=new_id("req"),
                    check_ref=check_ref,
                    member_id=member_ids[0],
                    basket=pb.CouponBasket(
                        currency="USD", lines=[pb.BasketLine(line=1, amount_minor=10_000)]
                    ),
                    coupons=[pb.CouponKey(coupon_id=ids[0])],
                )
            )
    return ids


def _named(shop: Any) -> dict[str, Any]:
    return {"program_id": shop.program_id, "request_id": new_id("req")}


def _check(shop: Any) -> dict[str, Any]:
    return {"member_id": shop.members[0], "basket": BASKET, "coupons": [{"coupon_id": shop.coupons[0]}]}


RPCS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "CreateCouponCampaign": lambda shop: {
        **_named(shop),
        "campaign": "made",
        "name_zh": "券",
        "name_en": "Off",
        "terms": _terms(),
    },
    "GenerateCouponCodes": lambda shop: {**_named(shop), "campaign": CAMPAIGN, "count": 1},
    "IssueCoupons": lambda shop: {**_named(shop), "campaign": CAMPAIGN, "member_ids": shop.members[:2]},
    "PauseCouponCampaign": lambda shop: {**_named(shop), "campaign": STOPPED},
    "ResumeCouponCampaign": lambda shop: {**_named(shop), "campaign": STOPPED},
    "ListCouponCampaigns": lambda shop: {"program_id": shop.program_id, "page_size": 2},
    "ListCoupons": lambda shop: {"program_id": shop.program_id, "campaign": CAMPAIGN, "page_size": 2},
    "VoidCoupon": lambda shop: {**_named(shop), "coupon": {"coupon_id": shop.coupons[1]}, "reason": "lost"},
    "QuoteCoupons": lambda shop: {"program_id": shop.program_id, **_check(shop)},
    "ReserveCoupons": lambda shop: {**_named(shop), "check_ref": new_id("chk"), **_check(shop)},
    "UseCoupons": lambda shop: {**_named(shop), "check_ref": CHECKS[0]},
    "CancelCoupons": lambda shop: {**_named(shop), "check_ref": CHECKS[1]},
    "BatchListMemberCoupons": lambda shop: {
        "program_id": shop.program_id,
        "member_ids": shop.members[:2],
        "first": 2,
    },
}
FIELDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "quoteCoupons": lambda shop: {
        "input": {
            "memberId": shop.members[0],
            "currency": "USD",
            "lines": [{"line": 1, "amountMinor": 10_000}],
            "shippingMinor": 500,
            "couponIds": [shop.coupons[0]],
        }
    },
    "couponCampaigns": lambda shop: {"first": 2, "after": None},
    "coupons": lambda shop: {"campaignKey": CAMPAIGN, "first": 2, "after": None},
    "issueCoupons": lambda shop: {
        "input": {"requestId": new_id("req"), "campaignKey": CAMPAIGN, "memberIds": shop.members[:2]}
    },
    "generateCouponCodes": lambda shop: {
        "input": {"requestId": new_id("req"), "campaignKey": CAMPAIGN, "count": 1}
    },
    "pauseCouponCampaign": lambda shop: {"input": {"requestId": new_id("req"), "campaignKey": STOPPED}},
    "resumeCouponCampaign": lambda shop: {"input": {"requestId": new_id("req"), "campaignKey": STOPPED}},
    "createCouponCampaign": lambda shop: {
        "input": {
            "requestId": new_id("req"),
            "key": "made_in_the_graph",
            "nameZh": "券",
            "nameEn": "Off",
            "terms": {
                "kind": "AMOUNT",
                "offMinor": 10,
                "startTime": WINDOW["start_time"],
                "endTime": WINDOW["end_time"],
            },
        }
    },
    "voidCoupon": lambda shop: {
        "input": {"requestId": new_id("req"), "couponId": shop.coupons[1], "reason": "lost"}
    },
}
