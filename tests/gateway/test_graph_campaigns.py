"""What operators do with a campaign in the graph: give coupons, make codes, stop it, and see its coupons."""

from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_coupons import COUPON_ID
from tests.gateway.world import PROGRAM, member_id

NOBODY = f"mem_{2**64:032x}"
WRITES: dict[str, tuple[str, dict[str, Any], str]] = {
    "issueCoupons": (
        "CouponsIssued",
        {"memberIds": [member_id(1), member_id(2), NOBODY]},
        "results { memberId couponId hadBefore }",
    ),
    "generateCouponCodes": ("CouponCodesGenerated", {"count": 2}, "codes codesCount"),
    "pauseCouponCampaign": ("CouponCampaignChanged", {}, "campaign { key status counts { codes } }"),
    "resumeCouponCampaign": ("CouponCampaignChanged", {}, "campaign { key status counts { codes } }"),
}
LIST = """
query($first: Int!, $after: String, $campaign: String!) {
  coupons(campaignKey: $campaign, first: $first, after: $after) {
    edges { cursor node { id campaignKey memberId status ending reservedCount usedCount } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def written(graph: Graph, name: str, **more: Any) -> Any:
    """What an operator is answered."""
    answer, wanted, shown = WRITES[name]
    query = (
        f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{"
        f" ... on {answer} {{ {shown} }} ... on Refused {{ reason }} }} }}"
    )
    given = {"requestId": "r", "campaignKey": "summer", **wanted, **more}
    token = graph.token("staff", subject="ann", roles=["operations_manager"])
    return (await graph.data(query, token=token, input=given))[name]


async def test_each_member_gets_a_coupon_once_and_who_is_unknown_none(graph: Graph) -> None:
    answer = await written(graph, "issueCoupons")

    assert answer["results"] == [
        {"memberId": member_id(1), "couponId": COUPON_ID, "hadBefore": True},
        {"memberId": member_id(2), "couponId": COUPON_ID, "hadBefore": False},
        {"memberId": NOBODY, "couponId": None, "hadBefore": False},
    ]


async def test_codes_are_told_in_the_answer_that_makes_them(graph: Graph) -> None:
    answer = await written(graph, "generateCouponCodes")

    assert answer == {"codes": ["7KQM-4WXR-HN2D-0000", "7KQM-4WXR-HN2D-0001"], "codesCount": 2**40}
    assert graph.services.asked.requests["GenerateCouponCodes"].count == 2


@pytest.mark.parametrize(
    ("name", "status"), [("pauseCouponCampaign", "PAUSED"), ("resumeCouponCampaign", "LIVE")]
)
async def test_a_campaign_is_stopped_and_goes_on(graph: Graph, name: str, status: str) -> None:
    answer = await written(graph, name)

    assert answer == {"campaign": {"key": "summer", "status": status, "counts": {"codes": 3}}}


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_is_passed_on_for_the_campaign_and_the_request(graph: Graph, name: str) -> None:
    await written(graph, name)

    asked = graph.services.asked.requests[f"{name[0].upper()}{name[1:]}"]
    assert (asked.program_id, asked.request_id, asked.campaign) == (PROGRAM, "r", "summer")


@pytest.mark.parametrize("name", WRITES)
async def test_a_refused_write_is_an_answer(graph: Graph, name: str) -> None:
    assert await written(graph, name, requestId=REFUSED) == {"reason": "MEMBER_UNKNOWN"}


@pytest.mark.parametrize(
    "wanted",
    [{"memberIds": [member_id(1)] * 101}, {"memberIds": ["no id"]}],
    ids=["more than a hundred members", "what is no id"],
)
async def test_members_that_cannot_be_are_told_before_anybody_gets_a_coupon(
    graph: Graph, wanted: dict[str, Any]
) -> None:
    query = "mutation($input: IssueCouponsInput!) { issueCoupons(input: $input) { __typename } }"
    given = {"requestId": "r", "campaignKey": "summer", **wanted}

    answer = (await graph.post({"query": query, "variables": {"input": given}})).json()

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"]
    assert graph.services.asked.calls["IssueCoupons"] == 0


async def test_the_coupons_of_a_campaign_are_read_in_pages(graph: Graph) -> None:
    first = (await graph.data(LIST, campaign="summer", first=2, after=None))["coupons"]
    after = first["pageInfo"]["endCursor"]
    second = (await graph.data(LIST, campaign="summer", first=2, after=after))["coupons"]
    inside = await graph.data(LIST, campaign="summer", first=1, after=first["edges"][0]["cursor"])

    nodes = [edge["node"] for page in (first, second) for edge in page["edges"]]
    assert nodes[0] == {
        "id": COUPON_ID,
        "campaignKey": "summer",
        "memberId": None,
        "status": "ISSUED",
        "ending": "P9TZ",
        "reservedCount": 1,
        "usedCount": 0,
    }
    assert [(each["memberId"], each["ending"]) for each in nodes[1:]] == [
        (member_id(1), None),
        (member_id(2), None),
    ]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert inside["coupons"]["edges"][0]["node"] == nodes[1]


async def test_coupons_of_no_campaign_are_an_argument_that_means_nothing(graph: Graph) -> None:
    answer = await graph.ask(LIST, campaign="winter", first=2, after=None)

    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["reason"]) == (
        "BAD_USER_INPUT",
        "COUPON_CAMPAIGN_UNKNOWN",
    )
