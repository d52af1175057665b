"""What the graph tells of risk: restrictions, how a standing came about, and the list of reports."""

from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.world import member_id

RESTRICTIONS = """
query($id: ID!) {
  member(id: $id) {
    risk {
      restrictions {
        kind reasonCode reasonParams { name value } since until en: reason zh: reason(locale: ZH)
      }
    }
  }
}
"""
LIMITS = """
query($id: ID!) { member(id: $id) { risk { refusedLimits { limit daysCount latestTime } } } }
"""
CHANGES = """
query($id: ID!, $first: Int!) {
  member(id: $id) {
    risk {
      changes(first: $first) {
        seq integrityBefore integrityAfter levelBefore levelAfter cause reportId
        restrictions { kind }
      }
    }
  }
}
"""
REPORTS = """
query($first: Int!, $after: String, $status: ReportStatus, $memberId: ID) {
  reports(first: $first, after: $after, status: $status, memberId: $memberId) {
    edges { cursor node { id note finding { decidedBy } } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
"""


async def test_a_restriction_says_what_why_and_until_when(graph: Graph) -> None:
    member = (await graph.data(RESTRICTIONS, id=member_id(1)))["member"]

    (restriction,) = member["risk"]["restrictions"]
    assert (restriction["kind"], restriction["reasonCode"]) == ("INTERACTION", "REPORTED_BY_SEVERAL")
    assert restriction["until"] == "1998-09-29T12:00:00+00:00"
    assert restriction["en"].startswith("Reported by 3 people within 90 days")
    assert "90天" in restriction["zh"]


async def test_limits_for_which_a_member_was_refused_are_told_with_how_often(graph: Graph) -> None:
    member = (await graph.data(LIMITS, id=member_id(1)))["member"]

    assert member["risk"]["refusedLimits"] == [
        {"limit": "DAILY_CAP", "daysCount": 2, "latestTime": "1998-07-01T12:00:00+00:00"}
    ]


async def test_the_changes_of_a_standing_are_told_latest_first_with_their_causes(graph: Graph) -> None:
    member = (await graph.data(CHANGES, id=member_id(1), first=5))["member"]

    reported, registered = member["risk"]["changes"]
    assert (reported["seq"], reported["cause"], reported["reportId"]) == (2, "REPORTED", "rep_1")
    assert (reported["integrityBefore"], reported["integrityAfter"]) == (100, 90)
    assert reported["restrictions"] == [{"kind": "INTERACTION"}]
    assert (registered["cause"], registered["integrityBefore"], registered["levelBefore"]) == (
        "REGISTERED",
        None,
        None,
    )


async def test_the_changes_of_several_members_are_read_with_one_call(graph: Graph) -> None:
    query = "{ members(first: 20) { edges { node { risk { changes(first: 3) { seq } } } } } }"

    await graph.data(query)

    assert graph.services.asked.calls["BatchListIntegrityChanges"] == 1


async def test_walking_the_list_of_reports_by_cursor_shows_each_once(graph: Graph) -> None:
    shown, after = [], None

    while True:
        page = (await graph.data(REPORTS, first=2, after=after))["reports"]
        shown += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert shown == ["rep_1", "rep_2", "rep_3", "rep_4", "rep_5"]
    assert graph.services.asked.calls["ListReports"] == 3


async def test_a_cursor_inside_a_page_goes_on_right_after_it(graph: Graph) -> None:
    first = (await graph.data(REPORTS, first=3))["reports"]["edges"][0]["cursor"]

    page = (await graph.data(REPORTS, first=2, after=first))["reports"]

    assert [edge["node"]["id"] for edge in page["edges"]] == ["rep_2", "rep_3"]
    assert page["pageInfo"]["hasPreviousPage"]


async def test_filters_go_to_the_service(graph: Graph) -> None:
    await graph.data(REPORTS, first=2, status="OPEN", memberId=member_id(3))

    request = graph.services.asked.requests["ListReports"]
    assert (request.status, request.member_id, request.page_size) == (1, member_id(3), 2)


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 101}, {"first": 2, "memberId": "x"}])
async def test_a_wrong_argument_is_bad_input(graph: Graph, wrong: dict[str, Any]) -> None:
    answer = await graph.ask(REPORTS, **wrong)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert graph.services.asked.calls == {}
