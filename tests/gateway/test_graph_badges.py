"""Badges in the graph: those of a member, one by its number with its proofs, and what staff do."""

from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.fake_badges import ISSUED
from tests.gateway.world import NOON, member_id

BADGE = """
fragment B on Badge { id key name { zh en } serial limit memberId state issuedTime revokedTime }
"""
OF_MEMBER = "query($id: ID!) { member(id: $id) { badges(first: 3) { ...B } } }" + BADGE
PROVED = (
    """
query($serial: Int!, $key: String = "founder") {
  badge(key: $key, serial: $serial) {
    badge { ...B } issue { ...P } revocation { ...P }
  }
}
fragment P on BadgeProof {
  recordId badge owner ownerDigest act actDigest leaf position statement path previousHash followingLeaves
  root { date chain } head { position }
}
"""
    + BADGE
)
WRITES = {
    "grantBadge": ("BadgeGranted", {"memberId": member_id(2), "key": "founder"}),
    "revokeBadge": ("BadgeRevoked", {"badgeId": "bdg_1"}),
}


def a_write(name: str) -> str:
    kind, _ = WRITES[name]
    answer = f"__typename ... on {kind} {{ badge {{ ...B }} }} ... on Refused {{ reason }}"
    return (
        f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {answer} }} }}"
        + BADGE
    )


def an_input(name: str, request_id: str = "r1") -> dict[str, Any]:
    return {"requestId": request_id, "explanation": "case 4711", **WRITES[name][1]}


async def test_a_member_shows_their_badges_with_their_numbers(graph: Graph) -> None:
    (badge,) = (await graph.data(OF_MEMBER, id=member_id(1)))["member"]["badges"]

    assert badge == {
        "id": f"bdg_{1:032x}",
        "key": "founder",
        "name": {"zh": "创始会员", "en": "Founding member"},
        "serial": 1,
        "limit": 20,
        "memberId": member_id(1),
        "state": "REVOKED",
        "issuedTime": NOON.isoformat(),
        "revokedTime": NOON.isoformat(),
    }
    assert graph.services.asked.requests["BatchListBadges"].first == 3


async def test_a_badge_is_proved_by_its_number(graph: Graph) -> None:
    found = (await graph.data(PROVED, serial=2))["badge"]

    assert found["badge"]["memberId"] == member_id(1)
    assert [found[each]["recordId"] for each in ("issue", "revocation")] == [
        "bdr_2_issued",
        "bdr_2_revoked",
    ]
    issue = found["issue"]
    assert (issue["position"], issue["root"]["date"], issue["head"]["position"]) == (
        2**40,
        "1998-06-30",
        2**40 + 1,
    )
    assert (issue["owner"], issue["act"]) == ('{"salt":"s"}', '{"by":"mia"}')


async def test_one_of_somebody_else_is_proved_without_them(graph: Graph) -> None:
    found = (await graph.data(PROVED, serial=1))["badge"]

    assert (found["badge"]["memberId"], found["badge"]["limit"], found["revocation"]) == (None, None, None)
    assert (found["issue"]["owner"], found["issue"]["act"]) == ("", "")
    assert found["issue"]["ownerDigest"] == "0e" * 32


@pytest.mark.parametrize(
    ("key", "serial", "asked"),
    [("founder", ISSUED + 1, 1), ("emperor", 1, 1), ("founder", 0, 0), ("founder", -1, 0)],
)
async def test_a_number_that_nobody_has_is_null(graph: Graph, key: str, serial: int, asked: int) -> None:
    assert await graph.data(PROVED, serial=serial, key=key) == {"badge": None}
    assert graph.services.asked.calls["BatchVerifyBadges"] == asked


@pytest.mark.parametrize("name", WRITES)
async def test_staff_give_a_badge_and_take_it_back(graph: Graph, name: str) -> None:
    token = graph.token("staff", subject="mia", roles=["operations_manager"])

    answer = (await graph.data(a_write(name), token=token, input=an_input(name)))[name]

    assert answer["__typename"] == WRITES[name][0]
    assert answer["badge"]["key"] == "founder"
    asked = graph.services.asked.requests[f"{name[0].upper()}{name[1:]}"]
    assert (asked.request_id, asked.explanation) == ("r1", "case 4711")


@pytest.mark.parametrize("name", WRITES)
async def test_a_refusal_is_told_as_one(graph: Graph, name: str) -> None:
    token = graph.token("staff", subject="mia", roles=["operations_manager"])

    answer = (await graph.data(a_write(name), token=token, input=an_input(name, REFUSED)))[name]

    assert answer == {"__typename": "Refused", "reason": "MEMBER_UNKNOWN"}
