"""Tiers given by hand in the graph: asked for, approved, ended, listed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.common.rpc.time import timestamp
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import PROGRAM, member_id

ANSWER = """
    ... on TierOverridden {
      override {
        id memberId tierSet tierKey untilTime reason explanation aboutDecisionId state askedBy askedTime
        decidedBy decidedTime endedBy endedTime decisionId
      }
    }
    ... on Refused { reason }
"""
OVERRIDE = f"mutation($input: OverrideTierInput!) {{ overrideTier(input: $input) {{ {ANSWER} }} }}"
APPROVE = (
    f"mutation($input: ApproveTierOverrideInput!) {{ approveTierOverride(input: $input) {{ {ANSWER} }} }}"
)
END = f"mutation($input: EndTierOverrideInput!) {{ endTierOverride(input: $input) {{ {ANSWER} }} }}"
LISTED = """
query($after: String, $member: ID) {
  tierOverrides(memberId: $member, pending: true, first: 2, after: $after) {
    edges { cursor node { id reason state } } pageInfo { hasNextPage endCursor }
  }
}
"""
GIVEN: dict[str, Any] = {
    "memberId": member_id(1),
    "tierSet": "main",
    "tier": "gold",
    "reason": "GOODWILL",
    "explanation": "case 4711",
}


def a_manager(graph: Graph) -> str:
    return graph.token("staff", PROGRAM, subject="mia", roles=["operations_manager"])


async def test_a_tier_is_given_and_a_second_person_approves_it(graph: Graph) -> None:
    asked = {
        "requestId": "r1",
        "untilTime": "2026-07-01T00:00:00Z",
        "aboutDecisionId": "dec_1",
        **GIVEN,
        "reason": "APPEAL_UPHELD",
    }
    token = a_manager(graph)

    waiting = (await graph.data(OVERRIDE, token=token, input=asked))["overrideTier"]["override"]
    approving = {"requestId": "r2", "overrideId": waiting["id"]}
    applied = (await graph.data(APPROVE, token=token, input=approving))["approveTierOverride"]["override"]

    assert graph.services.asked.requests["OverrideTier"] == pb.OverrideTierRequest(
        program_id=PROGRAM,
        request_id="r1",
        member_id=member_id(1),
        tier_set="main",
        tier="gold",
        until_time=timestamp(datetime(2026, 7, 1, tzinfo=UTC)),
        reason=pb.TIER_OVERRIDE_REASON_APPEAL_UPHELD,
        explanation="case 4711",
        decision_id="dec_1",
    )
    assert (waiting["tierKey"], waiting["state"], waiting["untilTime"], waiting["decidedBy"]) == (
        "gold",
        "PENDING",
        None,
        None,
    )
    assert (applied["state"], applied["decidedBy"], applied["decisionId"]) == ("APPLIED", "otto", "dec_1")


async def test_one_without_end_has_none(graph: Graph) -> None:
    await graph.data(OVERRIDE, token=a_manager(graph), input={"requestId": "r1", **GIVEN})

    assert not graph.services.asked.requests["OverrideTier"].HasField("until_time")


async def test_one_is_ended_before_its_time(graph: Graph) -> None:
    asked = {"requestId": "r1", "overrideId": "ovr_1", "explanation": "case closed"}

    ended = (await graph.data(END, token=a_manager(graph), input=asked))["endTierOverride"]["override"]

    assert (ended["state"], ended["endedBy"]) == ("ENDED", "otto")
    assert graph.services.asked.requests["EndTierOverride"].explanation == "case closed"


async def test_what_waits_is_listed_in_pages(graph: Graph) -> None:
    token = a_manager(graph)

    first = (await graph.data(LISTED, token=token, member=member_id(1)))["tierOverrides"]
    asked = graph.services.asked.requests["ListTierOverrides"]
    rest = await graph.data(LISTED, token=token, after=first["pageInfo"]["endCursor"])

    assert (asked.member_id, asked.pending) == (member_id(1), True)
    assert [_ids(first), first["pageInfo"]["hasNextPage"]] == [["ovr_3", "ovr_2"], True]
    assert _ids(rest["tierOverrides"]) == ["ovr_1"]


@pytest.mark.parametrize(
    ("document", "field", "asked"),
    [
        (OVERRIDE, "overrideTier", GIVEN),
        (APPROVE, "approveTierOverride", {"overrideId": "ovr_1"}),
        (END, "endTierOverride", {"overrideId": "ovr_1", "explanation": "no case"}),
    ],
    ids=["an override", "an approval", "an end"],
)
async def test_a_refusal_is_an_answer(graph: Graph, document: str, field: str, asked: dict[str, Any]) -> None:
    data = await graph.data(document, token=a_manager(graph), input={"requestId": REFUSED, **asked})

    assert data[field] == {"reason": "MEMBER_UNKNOWN"}


def _ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]
