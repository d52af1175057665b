"""Contracts in the graph: what may be bought, what a member has, who has run out, and what sellers do."""

from typing import Any

import pytest

from laurel.benefits.v1 import contracts_pb2 as pb
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_contracts import EVERY, SPARSE, UNSEEN, contract_id
from tests.gateway.world import NOON, PROGRAM, member_id

CONTRACT = """
fragment C on Contract {
  id memberId plan group source paymentReference amountMinor currency
  soldTime startTime endTime untilTime state follows followedBy
  renewalCancelledTime satisfaction pooled tierSet tierKey
  refund { kind refundReference amountMinor refundedTime }
}
"""
OF_MEMBER = "query($id: ID!) { member(id: $id) { contracts(first: 3) { ...C } } }" + CONTRACT
PLANS = """
{
  contractPlans {
    key group name { zh en } amountMinor termMonths tierSet tierKey benefits { key } needs graceDays onSale
  }
}
"""
SOLD = """
query($first: Int!, $after: String, $plan: String) {
  contracts(first: $first, after: $after, plan: $plan) {
    edges { cursor node { id memberId plan state } } pageInfo { hasNextPage endCursor }
  }
}
"""
POOL = """
query($first: Int!, $after: String, $satisfaction: Satisfaction) {
  renewalPool(first: $first, after: $after, satisfaction: $satisfaction) {
    edges {
      cursor
      node {
        contract { id satisfaction pooled }
        offers { key kind name { zh } params { name value } }
        offeredUntilTime
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
WRITES = {
    "sellContract": ("ContractSold", {"plan": "gold_year", "paymentReference": "pay-1"}, "contract { id }"),
    "renewContract": (
        "ContractSold",
        {"contractId": contract_id(1), "paymentReference": "pay-2"},
        "contract { id }",
    ),
    "refundContract": (
        "ContractRefunded",
        {"contractId": contract_id(1), "kind": "PRO_RATA", "refundReference": "back-1"},
        "contract { id }",
    ),
    "cancelRenewal": ("ContractRenewalCancelled", {"contractId": contract_id(1)}, "contract { id }"),
    "setSatisfaction": (
        "SatisfactionSet",
        {"contractId": contract_id(1), "satisfaction": "UNMET"},
        "pooled { offers { key } }",
    ),
}


def mutation(name: str, answer: str, shown: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return (
        f"mutation($input: {kind}!) {{ {name}(input: $input) {{ __typename ... on {answer} {{ {shown} }}"
        " ... on Refused { reason facts { name value } } } }"
    )


async def written(graph: Graph, name: str, **more: Any) -> Any:
    """What a store manager is answered."""
    answer, wanted, shown = WRITES[name]
    if name == "sellContract":
        wanted = {"memberId": member_id(1), **wanted}
    token = graph.token("staff", subject="ann", roles=["operations_manager"])
    variables = {"input": {"requestId": "r", **wanted, **more}}
    response = await graph.post({"query": mutation(name, answer, shown), "variables": variables}, token=token)
    return response.json()["data"][name]


async def test_a_member_sees_what_they_bought(graph: Graph) -> None:
    (contract,) = (await graph.data(OF_MEMBER, id=member_id(1)))["member"]["contracts"]

    noon = NOON.isoformat()
    assert contract == {
        "id": contract_id(1),
        "memberId": member_id(1),
        "plan": "gold_year",
        "group": "membership",
        "source": "shop",
        "paymentReference": "pay-1",
        "amountMinor": 128_800,
        "currency": "USD",
        **dict.fromkeys(("soldTime", "startTime", "endTime", "untilTime"), noon),
        "state": "REFUNDED",
        **dict.fromkeys(("follows", "followedBy", "renewalCancelledTime", "satisfaction")),
        "pooled": False,
        "tierSet": "main",
        "tierKey": "gold",
        "refund": {
            "kind": "WHOLE",
            "refundReference": "back-1",
            "amountMinor": 128_800,
            "refundedTime": noon,
        },
    }


async def test_everybody_sees_what_may_be_bought(graph: Graph) -> None:
    plans = {each["key"]: each for each in (await graph.data(PLANS))["contractPlans"]}

    assert plans["gold_year"] == {
        "key": "gold_year",
        "group": "membership",
        "name": {"zh": "黄金会员年卡", "en": "Gold for a year"},
        "amountMinor": 128_800,
        "termMonths": 12,
        "tierSet": "main",
        "tierKey": "gold",
        "benefits": [],
        "needs": [],
        "graceDays": 0,
        "onSale": True,
    }
    assert plans["vip_for_life"]["termMonths"] is None
    assert [each["key"] for each in plans["ai_deep_matching"]["benefits"]] == [
        "emotion_prediction",
        "weekly_match_advice",
    ]


async def test_staff_read_the_renewal_pool_page_by_page(graph: Graph) -> None:
    token = graph.token("staff", subject="ann", roles=["operations_manager"])
    seen, after = [], None
    for _ in range(2):
        variables = {"first": 2, "after": after, "satisfaction": "VERY_SATISFIED"}
        answer = (await graph.post({"query": POOL, "variables": variables}, token=token)).json()
        page = answer["data"]["renewalPool"]
        seen += page["edges"]
        after = page["pageInfo"]["endCursor"]

    assert [each["node"]["contract"]["id"] for each in seen] == [contract_id(number) for number in (1, 2, 3)]
    assert page["pageInfo"]["hasNextPage"] is False
    assert seen[0]["node"]["offers"] == [
        {
            "key": "matchmaker_private_class",
            "kind": "SERVICE",
            "name": {"zh": "红娘私教课"},
            "params": [{"name": "hours", "value": 1}],
        }
    ]
    asked = graph.services.asked.requests["ListRenewalPool"]
    assert asked.satisfaction == pb.SATISFACTION_VERY_SATISFIED


@pytest.mark.parametrize(
    ("plan", "pages"),
    [("gold_year", [[1, 2], [3]]), (None, [[1, 2], [3]]), (UNSEEN, [[], [3]])],
    ids=["of a plan", "of all plans", "of members whom the caller mostly does not see"],
)
async def test_contracts_are_read_page_by_page_whatever_of_a_page_is_left_out(
    graph: Graph, plan: str | None, pages: list[list[int]]
) -> None:
    token, after, seen = graph.token("staff", subject="ann", roles=["consultant"]), None, []
    for _ in pages:
        listed = await graph.data(SOLD, token=token, first=2, after=after, plan=plan)
        page, after = listed["contracts"], listed["contracts"]["pageInfo"]["endCursor"]
        seen.append([each["node"]["id"] for each in page["edges"]])

    assert seen == [[contract_id(number) for number in numbers] for numbers in pages]
    assert page["pageInfo"]["hasNextPage"] is False
    assert graph.services.asked.requests["ListContracts"].plan == (plan or "")


@pytest.mark.parametrize("first", [4, 20, 100])
async def test_going_on_after_any_edge_repeats_none_and_loses_none(graph: Graph, first: int) -> None:
    token, after, seen = graph.token("staff", subject="ann", roles=["consultant"]), None, []
    places: dict[str, str] = {}
    more = True
    while more:
        page = (await graph.data(SOLD, token=token, first=first, after=after, plan=SPARSE))["contracts"]
        seen += [each["node"]["id"] for each in page["edges"]]
        places |= {each["cursor"]: each["node"]["id"] for each in page["edges"]}
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    every = [contract_id(number) for number in EVERY]
    assert seen == every
    for cursor, found in places.items():
        page = (await graph.data(SOLD, token=token, first=100, after=cursor, plan=SPARSE))["contracts"]
        following = every[every.index(found) + 1 :]
        assert [each["node"]["id"] for each in page["edges"]] == following[: len(page["edges"])]
        assert page["edges"] or page["pageInfo"]["hasNextPage"] or not following


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_is_passed_on_and_its_answer_shown(graph: Graph, name: str) -> None:
    answer = await written(graph, name)

    assert answer["__typename"] == WRITES[name][0]
    asked = graph.services.asked.requests[f"{name[0].upper()}{name[1:]}"]
    assert (asked.program_id, asked.request_id) == (PROGRAM, "r")


@pytest.mark.parametrize("name", WRITES)
async def test_a_refused_write_is_an_answer(graph: Graph, name: str) -> None:
    answer = await written(graph, name, requestId=REFUSED)

    assert answer == {
        "__typename": "Refused",
        "reason": "MEMBER_UNKNOWN",
        "facts": [{"name": "member_id", "value": "mem_unknown"}],
    }


async def test_a_sale_says_when_it_begins_and_what_was_paid(graph: Graph) -> None:
    await written(graph, "sellContract")
    at_once = graph.services.asked.requests["SellContract"]
    await written(graph, "sellContract", start="AFTER_RUNNING", amountMinor=100_000)
    later = graph.services.asked.requests["SellContract"]

    assert (at_once.start, at_once.HasField("amount_minor")) == (pb.CONTRACT_START_NOW, False)
    assert (later.start, later.amount_minor) == (pb.CONTRACT_START_AFTER_RUNNING, 100_000)
