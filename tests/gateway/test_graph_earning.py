"""Earning in the graph: what an event would earn and why each rule would give or not; a program's rules."""

from typing import Any

from laurel.benefits.v1 import earning_pb2
from laurel.members.v1 import events_pb2
from tests.gateway.conftest import Graph
from tests.gateway.world import PROGRAM, member_id

PREVIEW = """
query($id: ID!, $input: PointsPreviewInput!) {
  member(id: $id) {
    pointsPreview(input: $input) {
      points tier businessDate activeTime expireTime
      rules {
        rule points pointsPerEvent multiplierBp stacking rounding factors { key kind bp }
        reason { code params { name value } zh: text(locale: ZH) en: text }
      }
      multipliers { factor { key } reason { code } }
      tiers {
        tierSet tierKey tierAfterKey tierAfter { name { zh } } outcome reasons { text }
        progress { tierKey gaps { missing } }
      }
    }
  }
}
"""
TWO = """
query($id: ID!) {
  member(id: $id) {
    one: pointsPreview(input: {kind: PURCHASE, amountMinor: 1000}) { points }
    other: pointsPreview(input: {kind: CHECK_IN, attributes: [{name: "channel", value: "offline"}]}) {
      points
    }
  }
}
"""
RULES = """
query($key: String!) {
  program(key: $key) {
    points {
      earn {
        key name { zh } eventKind unitMinor pointsPerUnit pointsPerEvent minAmountMinor condition multiplied
        perDay { times points }
      }
      multipliers { key name { en } kind bp condition }
      stacking multiplierMaxBp rounding caps { key rules perDay { times points } }
    }
  }
}
"""


async def test_a_preview_says_what_each_rule_would_give_and_why_not(graph: Graph) -> None:
    data = await graph.data(PREVIEW, id=member_id(1), input={"kind": "PURCHASE", "amountMinor": 1000})

    preview = data["member"]["pointsPreview"]
    assert (preview["points"], preview["tier"], preview["businessDate"]) == (23, "silver", "1998-07-01")
    assert preview["expireTime"] is None
    spend, capped = preview["rules"]
    assert spend["factors"] == [
        {"key": "tier", "kind": "multiplier", "bp": 20_000},
        {"key": "offline", "kind": "bonus", "bp": 3_000},
    ]
    assert (spend["multiplierBp"], spend["stacking"], spend["reason"]) == (23_000, "max", None)
    assert capped["reason"] == {
        "code": "EARNING_CAP_TIMES",
        "params": [{"name": "cap", "value": "check_in"}, {"name": "limit", "value": "1"}],
        "zh": "当日已达上限：1次。",
        "en": "As often as it gives points on a day: 1.",
    }
    assert [each["reason"] for each in preview["multipliers"]] == [
        None,
        {"code": "EARNING_CONDITION_NOT_MET"},
    ]


async def test_a_preview_says_what_would_become_of_the_tier(graph: Graph) -> None:
    data = await graph.data(PREVIEW, id=member_id(1), input={"kind": "PURCHASE", "quantity": 2})

    assert data["member"]["pointsPreview"]["tiers"] == [
        {
            "tierSet": "main",
            "tierKey": "silver",
            "tierAfterKey": "gold",
            "tierAfter": {"name": {"zh": "金卡会员"}},
            "outcome": "UPGRADED",
            "reasons": [{"text": "Remains Gold."}],
            "progress": {"tierKey": "platinum", "gaps": [{"missing": 2}]},
        }
    ]
    request: earning_pb2.BatchPreviewPointsRequest = graph.services.asked.requests["BatchPreviewPoints"]
    assert request.events[0].quantity == 2


async def test_previews_of_a_query_are_one_call(graph: Graph) -> None:
    asked = graph.services.asked
    before = asked.calls["BatchPreviewPoints"]

    await graph.data(TWO, id=member_id(1))

    assert asked.calls["BatchPreviewPoints"] == before + 1
    request: earning_pb2.BatchPreviewPointsRequest = asked.requests["BatchPreviewPoints"]
    purchase, check_in = sorted(request.events, key=lambda event: event.kind)
    assert (purchase.kind, purchase.amount_minor) == (events_pb2.EVENT_KIND_PURCHASE, 1000)
    assert (check_in.kind, dict(check_in.attributes)) == (
        events_pb2.EVENT_KIND_CHECK_IN,
        {"channel": "offline"},
    )
    assert not purchase.HasField("occurred_time")


async def refused(graph: Graph, **wanted: Any) -> str:
    variables = {"id": member_id(1), "input": wanted}
    response = await graph.post({"query": PREVIEW, "variables": variables})
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


async def test_what_cannot_earn_is_refused_before_anybody_is_asked(graph: Graph) -> None:
    before = graph.services.asked.calls["BatchPreviewPoints"]
    twice = [{"name": "channel", "value": value} for value in ("online", "offline")]

    codes = [
        await refused(graph, kind="REFUND", amountMinor=100),
        await refused(graph, kind="SHARE", attributes=twice),
        await refused(graph, kind="PURCHASE", quantity=1_000_001),
        await refused(graph, kind="SHARE", occurredTime="1998-07-01T00:00:00"),
    ]

    assert len(set(codes)) == 1, codes
    assert graph.services.asked.calls["BatchPreviewPoints"] == before


async def test_a_program_tells_its_rules_multipliers_and_caps(graph: Graph) -> None:
    points = (await graph.data(RULES, key=PROGRAM))["program"]["points"]

    assert points["earn"] == [
        {
            "key": "purchase",
            "name": None,
            "eventKind": "purchase",
            "unitMinor": 100,
            "pointsPerUnit": 1,
            "pointsPerEvent": 0,
            "minAmountMinor": 0,
            "condition": None,
            "multiplied": True,
            "perDay": None,
        }
    ]
    assert (points["multipliers"], points["caps"]) == ([], [])
    assert (points["stacking"], points["multiplierMaxBp"], points["rounding"]) == ("max", 1_000_000, "floor")
