"""Reveals in the graph: dots where one reads, the whole where one says why."""

from typing import Any

import pytest

from tests.gateway.conftest import Graph
from tests.gateway.fake_access import BREAK_GLASS_ID
from tests.gateway.world import PROGRAM, member_id

REVEAL = """
mutation($input: RevealMemberInput!) {
  revealMember(input: $input) {
    ... on MemberRevealed {
      reveal { id memberId identities { source externalId } birthday untilTime leftCount }
    }
    ... on Refused { reason }
  }
}
"""
BY_GLASS = """
mutation($input: RevealByBreakGlassInput!) {
  revealByBreakGlass(input: $input) { ... on MemberRevealed { reveal { birthday } } }
}
"""
OPEN = """
mutation($input: OpenBreakGlassInput!) {
  openBreakGlass(input: $input) {
    ... on BreakGlassOpened { breakGlass { id openedTime untilTime revealsCount } }
  }
}
"""
END = """
mutation($input: EndBreakGlassInput!) {
  endBreakGlass(input: $input) { ... on BreakGlassEnded { breakGlass { id } } }
}
"""
WHO = "query($id: ID!) { member(id: $id) { profile { birthday identities { externalId } } } }"


async def as_staff(graph: Graph, role: str, query: str, **variables: Any) -> dict[str, Any]:
    token = graph.token(roles=[role])
    answer: dict[str, Any] = (await graph.post({"query": query, "variables": variables}, token=token)).json()
    return answer


async def test_a_compliance_officer_reads_dots_and_reveals_the_whole_with_a_reason(graph: Graph) -> None:
    given = {"requestId": "r-1", "memberId": member_id(1), "reason": "ticket 4711"}

    read = await as_staff(graph, "compliance_officer", WHO, id=member_id(1))
    shown = await as_staff(graph, "compliance_officer", REVEAL, input=given)

    profile = read["data"]["member"]["profile"]
    assert {each["externalId"][0] for each in profile["identities"]} == {"•"}
    reveal = shown["data"]["revealMember"]["reveal"]
    assert (reveal["birthday"], reveal["leftCount"]) == ("05-17", 29)
    assert reveal["identities"] == [{"source": "shop", "externalId": "customer-00001"}]
    asked = graph.services.asked.requests["RevealMember"]
    assert (asked.program_id, asked.member_id, asked.reason) == (PROGRAM, member_id(1), "ticket 4711")


async def test_an_administrator_reveals_by_a_break_glass_and_not_without(graph: Graph) -> None:
    role, member = "system_administrator", {"requestId": "r-1", "memberId": member_id(1)}

    plain = await as_staff(graph, role, REVEAL, input=member | {"reason": "ticket 4711"})
    opened = await as_staff(graph, role, OPEN, input={"requestId": "r-2", "reason": "incident 88"})
    shown = await as_staff(graph, role, BY_GLASS, input=member | {"breakGlassId": BREAK_GLASS_ID})
    ended = await as_staff(graph, role, END, input={"requestId": "r-3", "breakGlassId": BREAK_GLASS_ID})

    assert plain["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert opened["data"]["openBreakGlass"]["breakGlass"]["id"] == BREAK_GLASS_ID
    assert shown["data"]["revealByBreakGlass"]["reveal"]["birthday"] == "05-17"
    assert ended["data"]["endBreakGlass"]["breakGlass"] == {"id": BREAK_GLASS_ID}
    assert graph.services.asked.requests["RevealByBreakGlass"].break_glass_id == BREAK_GLASS_ID


LISTED = """
query($after: String) {
  breakGlasses(first: 1, after: $after) {
    edges { node { id openedBy openedTime untilTime revealsCount } } pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_a_compliance_officer_sees_which_break_glasses_are_open_and_whose_they_are(
    graph: Graph,
) -> None:
    first = (await as_staff(graph, "compliance_officer", LISTED))["data"]["breakGlasses"]
    assert graph.services.asked.requests["ListBreakGlasses"].page_size == 1
    after = first["pageInfo"]["endCursor"]
    last = (await as_staff(graph, "compliance_officer", LISTED, after=after))["data"]["breakGlasses"]

    (edge,) = first["edges"]
    assert (edge["node"]["id"], edge["node"]["openedBy"]) == (BREAK_GLASS_ID, "root")
    assert [each["pageInfo"]["hasNextPage"] for each in (first, last)] == [True, False]
    assert graph.services.asked.requests["ListBreakGlasses"].page_token == "more"


@pytest.mark.parametrize("role", ["consultant", "operations_manager", "compliance_officer"])
async def test_nobody_else_opens_a_break_glass(graph: Graph, role: str) -> None:
    answer = await as_staff(graph, role, OPEN, input={"requestId": "r-2", "reason": "incident 88"})

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert graph.services.asked.requests.get("OpenBreakGlass") is None
