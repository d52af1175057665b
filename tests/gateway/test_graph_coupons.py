"""What the graph tells of coupons: a member's own, what a basket costs with them, and campaigns."""

from collections.abc import Mapping
from typing import Any

import pytest

from laurel.benefits.v1 import coupons_pb2 as pb
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_coupons import COUPON_ID
from tests.gateway.world import member_id

QUOTE = """
query($input: QuoteCouponsInput!) {
  quoteCoupons(input: $input) {
    ... on QuotedCoupons {
      quote {
        goodsMinor offMinor payMinor
        discounts { place couponId campaignKey name { en } kind offMinor lines { line offMinor } }
        refused { place campaignKey why params { name value } zh: text(locale: ZH) en: text }
      }
    }
    ... on Refused { reason facts { name value } }
  }
}
"""
CREATE = """
mutation($input: CreateCouponCampaignInput!) {
  createCouponCampaign(input: $input) {
    ... on CouponCampaignCreated { campaign { key counts { codes } } }
    ... on Refused { reason }
  }
}
"""
VOID = """
mutation($input: VoidCouponInput!) {
  voidCoupon(input: $input) { ... on CouponVoided { coupon { id status } } ... on Refused { reason } }
}
"""
BASKET = {
    "memberId": member_id(1),
    "currency": "USD",
    "lines": [{"line": 1, "amountMinor": 30_000}],
    "codes": ["abcd", "efgh"],
}


async def asked(graph: Graph, query: str, wanted: Mapping[str, object], *roles: str) -> Any:
    """What a member is answered; staff where there are roles."""
    token = graph.token("staff", roles=roles) if roles else graph.token("member", subject=member_id(1))
    response = await graph.post({"query": query, "variables": {"input": wanted}}, token=token)
    return response.json()


async def test_a_member_hears_what_a_basket_costs_and_why_a_coupon_does_not_count(graph: Graph) -> None:
    answer = await asked(graph, QUOTE, BASKET | {"couponIds": [COUPON_ID]})

    quote = answer["data"]["quoteCoupons"]["quote"]
    assert (quote["goodsMinor"], quote["offMinor"], quote["payMinor"]) == (30_000, 5_000, 25_000)
    assert quote["discounts"] == [
        {
            "place": 1,
            "couponId": COUPON_ID,
            "campaignKey": "summer",
            "name": {"en": "Summer"},
            "kind": "THRESHOLD",
            "offMinor": 5_000,
            "lines": [{"line": 1, "offMinor": 5_000}],
        }
    ]
    assert [each["place"] for each in quote["refused"]] == [2, 3]
    assert quote["refused"][0] | {"params": None} == {
        "place": 2,
        "campaignKey": "winter",
        "why": "BASKET_TOO_SMALL",
        "params": None,
        "zh": "还差US$0.01。",
        "en": "It needs $0.01 more.",
    }
    names = [(each.code, each.coupon_id) for each in graph.services.asked.requests["QuoteCoupons"].coupons]
    assert names == [("abcd", ""), ("efgh", ""), ("", COUPON_ID)]


async def test_a_refusal_of_a_quote_is_an_answer(graph: Graph) -> None:
    answer = await asked(graph, QUOTE, BASKET | {"codes": [REFUSED]})

    assert answer["data"]["quoteCoupons"] == {
        "reason": "MEMBER_UNKNOWN",
        "facts": [{"name": "member_id", "value": "mem_unknown"}],
    }


TWICE = {
    "by aliases": """
      { one: quoteCoupons(input: $a) { __typename } two: quoteCoupons(input: $a) { __typename } }
    """,
    "by fragments": """
      { ...one ...two }
      fragment one on Query { one: quoteCoupons(input: $a) { __typename } }
      fragment two on Query { two: quoteCoupons(input: $a) { __typename } }
    """,
}


@pytest.mark.parametrize("selection", TWICE.values(), ids=TWICE)
async def test_codes_are_tried_once_in_an_operation(graph: Graph, selection: str) -> None:
    token = graph.token("member", subject=member_id(1))

    response = await graph.post(
        {"query": f"query($a: QuoteCouponsInput!) {selection}", "variables": {"a": BASKET}}, token=token
    )

    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "MUTATION_REPEATED"
    assert graph.services.asked.calls["QuoteCoupons"] == 0


async def test_the_coupons_of_several_members_are_read_with_one_call(graph: Graph) -> None:
    query = """
    { members(first: 20) { edges { node { coupons(first: 3) {
        coupon { id status ending }
        campaign { key counts { used } terms { kind steps { offMinor } stacking } }
    } } } } }
    """

    found = (await graph.data(query))["members"]["edges"][0]["node"]["coupons"]

    assert graph.services.asked.calls["BatchListMemberCoupons"] == 1
    assert found == [
        {
            "coupon": {"id": COUPON_ID, "status": "ISSUED", "ending": None},
            "campaign": {
                "key": "summer",
                "counts": None,
                "terms": {"kind": "THRESHOLD", "steps": [{"offMinor": 5_000}], "stacking": "EXCLUSIVE"},
            },
        }
    ]


async def test_campaigns_are_read_in_pages(graph: Graph) -> None:
    query = """
    query($after: String) {
      couponCampaigns(first: 2, after: $after) {
        edges { node { key counts { codes used usedMinor } } } pageInfo { hasNextPage endCursor }
      }
    }
    """

    first = (await graph.data(query))["couponCampaigns"]
    second = (await graph.data(query, after=first["pageInfo"]["endCursor"]))["couponCampaigns"]

    assert [edge["node"]["key"] for page in (first, second) for edge in page["edges"]] == [
        "autumn",
        "summer",
        "winter",
    ]
    assert first["edges"][0]["node"]["counts"] == {"codes": 3, "used": 2, "usedMinor": 10_000}
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


async def test_an_operator_makes_a_campaign(graph: Graph) -> None:
    wanted = {
        "requestId": "r",
        "key": "summer",
        "nameZh": "满减券",
        "nameEn": "Summer",
        "terms": {
            "kind": "PERCENTAGE",
            "offBp": 500,
            "startTime": "2026-06-01T00:00:00+08:00",
            "endTime": "2026-06-19T00:00:00+08:00",
            "budgetMinor": 100_000_000,
            "tiers": ["gold"],
        },
    }

    answer = await asked(graph, CREATE, wanted, "operations_manager")

    assert answer["data"]["createCouponCampaign"] == {"campaign": {"key": "summer", "counts": {"codes": 3}}}
    terms = graph.services.asked.requests["CreateCouponCampaign"].terms
    assert (terms.kind, terms.off_bp, terms.budget_minor) == (pb.COUPON_KIND_PERCENTAGE, 500, 100_000_000)
    assert (terms.uses_per_coupon_max, list(terms.tiers)) == (1, ["gold"])
    assert terms.end_time.ToJsonString() == "2026-06-18T16:00:00Z"


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"startTime": "2026-06-01T00:00:00"}, "a time needs its zone, such as 1998-07-01T00:00:00Z"),
        ({"usesPerCouponMax": 0}, "usesPerCouponMax must be at least 1"),
    ],
    ids=["a time without zone", "a coupon of no uses"],
)
async def test_terms_that_mean_nothing_are_told(graph: Graph, changed: Any, wrong: str) -> None:
    terms = {
        "kind": "AMOUNT",
        "startTime": "2026-06-01T00:00:00Z",
        "endTime": "2026-06-19T00:00:00Z",
        **changed,
    }
    wanted = {"requestId": "r", "key": "k", "nameZh": "名", "nameEn": "n", "terms": terms}

    (error,) = (await asked(graph, CREATE, wanted, "operations_manager"))["errors"]

    assert (error["extensions"]["code"], error["message"]) == ("BAD_USER_INPUT", wrong)


async def test_a_coupon_is_made_void_by_its_code_or_its_id(graph: Graph) -> None:
    wanted = {"requestId": "r", "reason": "stolen"}
    names = [{"code": "abcd"}, {"couponId": COUPON_ID}]

    answers = [await asked(graph, VOID, wanted | name, "operations_manager") for name in names]
    neither = await asked(graph, VOID, wanted, "operations_manager")

    voided = {"voidCoupon": {"coupon": {"id": COUPON_ID, "status": "VOID"}}}
    assert [each["data"] for each in answers] == [voided, voided]
    assert neither["errors"][0]["message"] == "one of code and couponId is needed"
