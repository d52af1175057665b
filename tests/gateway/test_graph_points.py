"""Points in use in the graph: what is on hold, what members pass on, and what the staff adjust."""

from typing import Any

import pytest

from laurel.benefits.v1 import points_pb2 as pb
from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import PROGRAM, member_id

HOLDS = """
query($id: ID!) {
  member(id: $id) {
    points { held holds(first: 3) { id source externalRef line points pointType moneyMinor since expires } }
  }
}
"""
TRANSFER = """
mutation($input: TransferPointsInput!) {
  transferPoints(input: $input) {
    ... on PointsTransferred { transferId points available }
    ... on Refused { reason }
  }
}
"""
ADJUSTED = """
    ... on PointsAdjusted {
      adjustment { id memberId points reason state askedBy askedTime decidedBy decidedTime transactionId }
    }
    ... on Refused { reason }
"""
ADJUST = f"mutation($input: AdjustPointsInput!) {{ adjustPoints(input: $input) {{ {ADJUSTED} }} }}"
APPROVE = f"mutation($input: ApproveAdjustmentInput!) {{ approveAdjustment(input: $input) {{ {ADJUSTED} }} }}"
REJECT = f"mutation($input: RejectAdjustmentInput!) {{ rejectAdjustment(input: $input) {{ {ADJUSTED} }} }}"
PENDING = """
query($after: String) {
  pendingAdjustments(first: 2, after: $after) {
    edges { cursor node { id memberId points } } pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_points_of_other_types_are_told_with_their_entries(graph: Graph) -> None:
    typed = (
        "types { key kind name { zh en } balance held pending pays"
        " expiring { points } entries(first: 4) { seq } }"
    )

    data = await graph.data(
        f"query($id: ID!) {{ member(id: $id) {{ points {{ {typed} }} }} }}", id=member_id(1)
    )

    (told,) = data["member"]["points"]["types"]
    assert len(told.pop("entries")) == 2
    assert told == {
        "key": "tier_points",
        "kind": "tier",
        "name": {"zh": "等级积分", "en": "Tier points"},
        "balance": 2**41,
        "held": 7,
        "pending": 5,
        "pays": True,
        "expiring": [],
    }
    request = graph.services.asked.requests["BatchListEntries"]
    assert (request.point_type, request.first) == ("tier_points", 4)


async def test_the_open_holds_of_a_member_are_told(graph: Graph) -> None:
    data = await graph.data(HOLDS, id=member_id(1))

    assert data["member"]["points"] == {
        "held": 40,
        "holds": [
            {
                "id": "hld_1",
                "source": "shop",
                "externalRef": "check-1",
                "line": 2,
                "points": 40,
                "pointType": "club_points",
                "moneyMinor": 2**40,
                "since": "1998-07-01T12:00:00+00:00",
                "expires": "1998-07-01T12:00:00+00:00",
            }
        ],
    }
    assert graph.services.asked.requests["BatchListHolds"].first == 3


async def test_a_member_passes_points_on(graph: Graph) -> None:
    asked = {"requestId": "r1", "memberId": member_id(1), "toMemberId": member_id(2), "points": 7}
    token = graph.token("member", PROGRAM, subject=member_id(1))

    data = await graph.data(TRANSFER, token=token, input=asked)

    assert data["transferPoints"] == {"transferId": "trf_1", "points": 7, "available": 5}
    assert graph.services.asked.requests["TransferPoints"] == pb.TransferPointsRequest(
        program_id=PROGRAM,
        request_id="r1",
        member_id=member_id(1),
        to_member_id=member_id(2),
        points=7,
    )


async def test_staff_adjust_points_and_a_second_one_approves(graph: Graph) -> None:
    asked = {"requestId": "r1", "memberId": member_id(1), "points": -30, "reason": "goodwill"}
    token = graph.token("staff", PROGRAM, subject="sue", roles=["operations_manager"])

    pending = (await graph.data(ADJUST, token=token, input=asked))["adjustPoints"]["adjustment"]
    approving = {"requestId": "r2", "adjustmentId": pending["id"]}
    applied = (await graph.data(APPROVE, token=token, input=approving))["approveAdjustment"]["adjustment"]

    assert pending == {
        "id": "adj_1",
        "memberId": member_id(1),
        "points": -30,
        "reason": "goodwill",
        "state": "PENDING",
        "askedBy": "sue",
        "askedTime": "1998-07-01T12:00:00+00:00",
        "decidedBy": None,
        "decidedTime": None,
        "transactionId": None,
    }
    assert (applied["state"], applied["decidedBy"], applied["transactionId"]) == ("APPLIED", "max", "txn_1")


async def test_what_waits_is_listed_in_pages_from_any_cursor(graph: Graph) -> None:
    token = graph.token("staff", PROGRAM, subject="max", roles=["compliance_officer"])

    first = (await graph.data(PENDING, token=token))["pendingAdjustments"]
    rest = await graph.data(PENDING, token=token, after=first["pageInfo"]["endCursor"])
    second = await graph.data(PENDING, token=token, after=first["edges"][0]["cursor"])

    assert first["edges"][0]["node"] == {"id": "adj_1", "memberId": member_id(1), "points": 30}
    assert [first["pageInfo"]["hasNextPage"], _ids(first)] == [True, ["adj_1", "adj_2"]]
    assert _ids(rest["pendingAdjustments"]) == ["adj_3"]
    assert rest["pendingAdjustments"]["pageInfo"]["hasNextPage"] is False
    assert _ids(second["pendingAdjustments"]) == ["adj_2", "adj_3"]


async def test_what_waits_is_rejected_and_nothing_was_posted(graph: Graph) -> None:
    token = graph.token("staff", PROGRAM, subject="max", roles=["compliance_officer"])
    asked = {"requestId": "r1", "adjustmentId": "adj_1", "reason": "no case"}

    data = await graph.data(REJECT, token=token, input=asked)

    rejected = data["rejectAdjustment"]["adjustment"]
    assert (rejected["state"], rejected["decidedBy"], rejected["transactionId"]) == ("REJECTED", "max", None)
    assert graph.services.asked.requests["RejectAdjustment"] == pb.RejectAdjustmentRequest(
        program_id=PROGRAM, request_id="r1", adjustment_id="adj_1", reason="no case"
    )


def _ids(page: dict[str, Any]) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.mark.parametrize(
    ("document", "field", "asked"),
    [
        (ADJUST, "adjustPoints", {"memberId": member_id(1), "points": 1, "reason": "goodwill"}),
        (APPROVE, "approveAdjustment", {"adjustmentId": "adj_1"}),
        (REJECT, "rejectAdjustment", {"adjustmentId": "adj_1", "reason": "no case"}),
    ],
    ids=["an adjustment", "an approval", "a rejection"],
)
async def test_a_refusal_is_an_answer(graph: Graph, document: str, field: str, asked: dict[str, Any]) -> None:
    token = graph.token("staff", PROGRAM, subject="sue", roles=["operations_manager"])

    data = await graph.data(document, token=token, input={"requestId": REFUSED, **asked})

    assert data[field] == {"reason": "MEMBER_UNKNOWN"}
