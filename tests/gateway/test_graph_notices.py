"""What the graph tells of notices, and how a member says what they want to be told."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.fake import REFUSED
from tests.gateway.world import member_id

NOTICES = """
query($id: ID!, $first: Int!) {
  member(id: $id) {
    notices(first: $first) {
      id code params { name value } zh: text(locale: ZH) en: text occurredTime dueTime status withheldReason
    }
    noticePreferences { marketing muted }
  }
}
"""
STAFF = """
query($after: String) {
  staffNotices(first: 1, after: $after) {
    edges { node { id memberId staffRole code params { name value } zh: text(locale: ZH) en: text status } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SET = """
mutation($input: SetNoticePreferencesInput!) {
  setNoticePreferences(input: $input) {
    ... on NoticePreferencesSet { preferences { marketing muted } }
    ... on Refused { reason }
  }
}
"""


async def said(graph: Graph, wanted: Mapping[str, object]) -> Any:
    """What a member who says it is answered."""
    token = graph.token("member", subject=member_id(1))
    response = await graph.post({"query": SET, "variables": {"input": wanted}}, token=token)
    return response.json()["data"]


async def test_notices_are_told_in_both_languages_with_what_became_of_them(graph: Graph) -> None:
    member = (await graph.data(NOTICES, id=member_id(1), first=1))["member"]

    assert member["notices"] == [
        {
            "id": "ntc_2",
            "code": "NEAR_UPGRADE",
            "params": [{"name": "tier", "value": "platinum"}],
            "zh": "距离白金会员只差一点。",
            "en": "Little is missing to Platinum.",
            "occurredTime": "1998-07-01T12:00:00+00:00",
            "dueTime": "1998-07-01T12:00:00+00:00",
            "status": "WITHHELD",
            "withheldReason": "NO_CONSENT",
        }
    ]
    assert member["noticePreferences"] == {"marketing": None, "muted": ["WAKE_UP"]}


async def test_the_staff_read_what_they_are_told_page_by_page(graph: Graph) -> None:
    token, after, seen = graph.token("staff", roles=["system_administrator"]), None, []
    for _ in range(2):
        page = (await graph.data(STAFF, token=token, after=after))["staffNotices"]
        seen += [each["node"] for each in page["edges"]]
        after = page["pageInfo"]["endCursor"]

    assert [each["id"] for each in seen] == ["ntc_4", "ntc_3"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert seen[0] == {
        "id": "ntc_4",
        "memberId": None,
        "staffRole": "operations_manager",
        "code": "WEBHOOK_FAILING",
        "params": [{"name": "endpoint", "value": "whk_1"}],
        "zh": "端点失败。",
        "en": "The endpoint is failing.",
        "status": "SENT",
    }


async def test_the_notices_of_several_members_are_read_with_one_call(graph: Graph) -> None:
    query = (
        "{ members(first: 20) { edges { node { notices(first: 3) { id } noticePreferences { muted } } } } }"
    )

    await graph.data(query)

    assert graph.services.asked.calls["BatchListNotices"] == 1
    assert graph.services.asked.calls["BatchGetNoticePreferences"] == 1


@pytest.mark.parametrize("marketing", [True, False, None])
async def test_a_member_says_what_they_want(graph: Graph, marketing: bool | None) -> None:
    wanted = {"requestId": "r", "memberId": member_id(1), "marketing": marketing, "muted": ["TIER_CHANGED"]}

    answer = await said(graph, wanted)

    preferences = {"marketing": marketing, "muted": ["TIER_CHANGED"]}
    assert answer["setNoticePreferences"] == {"preferences": preferences}


async def test_a_refusal_is_an_answer(graph: Graph) -> None:
    wanted = {"requestId": REFUSED, "memberId": member_id(1)}

    answer = await said(graph, wanted)

    assert answer["setNoticePreferences"] == {"reason": "MEMBER_UNKNOWN"}
