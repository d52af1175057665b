"""Decisions explained in the graph: decided again, the ways to a tier, what keeps one."""

from typing import Any

from laurel.benefits.v1 import decisions_pb2 as pb
from libs.common.rpc.time import moment
from tests.gateway.conftest import Graph
from tests.gateway.fake_decisions import DECISION_ID
from tests.gateway.world import NOON, member_id

WAYS = """
query($id: ID!, $target: String, $by: DateTime) {
  member(id: $id) { memberships {
    paths(targetTier: $target, by: $by) {
      targetTierKey targetTier { key name { en } } byTime met exhaustive
      paths {
        cost zh: text(locale: ZH) text
        steps { metric amount currency byDate zh: text(locale: ZH) text }
      }
      obstacles { obstacles { code metric window value atLeast atMost zh: text(locale: ZH) text } }
    }
    keeping { tierKey tier { key } reviewTime paths { targetTierKey } changes { day facts { name value } } }
  } }
}
"""
MANY = """
query($first: Int!) {
  members(first: $first) { edges { node { memberships {
    one: paths { met } other: paths(targetTier: "silver") { met }
    decision { replay { same } }
  } } } }
}
"""
DECISION = """
query($id: ID!) {
  decision(decisionId: $id) {
    id tierSet from to outcome replay { same outcome to digest differences { path was now } }
  }
}
"""


async def membership(graph: Graph, **variables: Any) -> Any:
    data = await graph.data(WAYS, id=member_id(1), **variables)
    return data["member"]["memberships"][0]


async def test_the_ways_to_a_tier_are_told_in_numbers_and_in_words(graph: Graph) -> None:
    found = (await membership(graph))["paths"]

    assert found["targetTierKey"] == found["targetTier"]["key"] == "platinum"
    assert (found["met"], found["exhaustive"]) == (False, True)
    (way,) = found["paths"]
    assert (way["cost"], way["text"], way["zh"]) == (
        60_000,
        "spend $200.00 more and have 2 more invited friends join",
        "再消费US$200.00，并再成功邀请2位好友",
    )
    assert [(each["metric"], each["amount"], each["currency"]) for each in way["steps"]] == [
        ("spend", 20_000, "USD"),
        ("invites", 2, None),
    ]
    assert (way["steps"][0]["text"], way["steps"][1]["zh"]) == ("spend $200.00 more", "再成功邀请2位好友")
    assert way["steps"][0]["byDate"] == "1998-09-29"


async def test_why_an_alternative_cannot_be_done_is_told(graph: Graph) -> None:
    ((alternative,),) = [(each["obstacles"] for each in (await membership(graph))["paths"]["obstacles"])]

    assert alternative == [
        {
            "code": "TOO_MUCH",
            "metric": "average_order",
            "window": "lifetime",
            "value": 9_000,
            "atLeast": None,
            "atMost": 5_000,
            "text": "Average order $90.00, at most $50.00 is asked for: there is more than is allowed.",
            "zh": "平均每单金额为US$90.00，要求至多US$50.00：已超出。",
        }
    ]


async def test_a_tier_and_a_time_may_be_asked_for(graph: Graph) -> None:
    await membership(graph, target="gold", by=NOON.isoformat())

    request: pb.BatchFindPathsRequest = graph.services.asked.requests["BatchFindPaths"]
    assert (request.target_tier, moment(request.by_time)) == ("gold", NOON)
    assert [(key.member_id, key.tier_set) for key in request.keys] == [(member_id(1), "main")]


async def test_a_ladder_without_such_a_tier_has_no_paths(graph: Graph) -> None:
    assert (await membership(graph, target="ruby"))["paths"] is None


async def test_what_keeps_a_tier_is_told_with_what_stops_counting(graph: Graph) -> None:
    kept = (await membership(graph))["keeping"]

    assert (kept["tierKey"], kept["tier"], kept["paths"]) == (
        "gold",
        {"key": "gold"},
        {"targetTierKey": "platinum"},
    )
    assert kept["changes"] == [
        {"day": "1998-12-31", "facts": [{"name": "purchase.amount_minor.lifetime", "value": 0}]}
    ]


async def test_lists_of_members_are_a_call_for_each_tier_that_is_asked_for(graph: Graph) -> None:
    calls = graph.services.asked.calls
    before = calls.copy()

    await graph.data(MANY, first=10)

    assert calls["BatchFindPaths"] - before["BatchFindPaths"] == 2
    assert calls["BatchReplayDecisions"] - before["BatchReplayDecisions"] == 1


async def test_no_more_is_explained_in_one_request_than_people_read(graph: Graph) -> None:
    answer = await graph.ask(MANY, first=11)

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"] * 2
    assert "at most 20" in answer["errors"][0]["message"]


async def test_a_decision_is_found_by_its_id_and_decided_again(graph: Graph) -> None:
    decision = (await graph.data(DECISION, id=DECISION_ID))["decision"]

    assert (decision["tierSet"], decision["from"], decision["to"]) == ("main", "normal", "gold")
    assert decision["replay"] == {
        "same": False,
        "outcome": "KEPT",
        "to": "silver",
        "digest": "e" * 64,
        "differences": [{"path": "facts_digest", "was": "a", "now": "b"}],
    }
    assert (await graph.data(DECISION, id="dec_unknown"))["decision"] is None


async def test_partners_are_told_nothing_of_decisions(graph: Graph) -> None:
    answer = await graph.ask(DECISION, token=graph.token("partner", subject="cdnow"), id=DECISION_ID)

    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
