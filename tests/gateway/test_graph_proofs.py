"""Proofs and the report of points in the graph."""

import pytest

from services.gateway.pages import Cursor
from tests.gateway.conftest import Graph
from tests.gateway.fake_proofs import DAYS, LINKED, ROOTED
from tests.gateway.world import member_id

PROOF = """
query($id: ID!) {
  ledgerProof(entryId: $id) {
    entryId entry transaction lot leaf position statement path previousHash followingLeaves
    root { date firstPosition lastPosition rootHash chainHash signedTime keyId signature }
    head { position chainHash signedTime keyId signature }
  }
}
"""
ENTRIES = """
query($id: ID!) {
  member(id: $id) { points { entries { id proof { entryId position root { date } } } } }
}
"""
ROOTS = """
query($after: String) {
  ledgerRoots(first: 2, after: $after) {
    edges {
      cursor
      node { service chain date firstPosition lastPosition rootHash chainHash signedTime keyId signature }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
REPORT = """
{
  pointsReport(first: 2) {
    pointsCurrency issued states { name value } difference outstanding currency valueMinor valuePoints
    expectedRedemptionBp expectedRedemptionMonths liabilityMinor asOf cohortsBehindSeconds
    cohorts { month earned received pending active held spent expired reversed moved
      worthBp liabilityMinor breakageBp }
  }
}
"""


async def test_a_proof_of_a_closed_day_has_the_root_and_the_way_to_it(graph: Graph) -> None:
    proof = (await graph.data(PROOF, id=ROOTED))["ledgerProof"]

    assert (proof["entryId"], proof["entry"], proof["position"]) == (ROOTED, '{"points":"5"}', 2**40)
    assert proof["root"]["date"] == "1998-06-30"
    assert proof["root"]["lastPosition"] == 2**41
    assert (len(proof["path"]), proof["head"], proof["statement"]) == (2, None, '{"chain":"ledger"}')


async def test_a_proof_of_today_has_a_head_and_what_lies_between(graph: Graph) -> None:
    proof = (await graph.data(PROOF, id=LINKED))["ledgerProof"]

    assert (proof["root"], proof["path"], proof["head"]["position"]) == (None, [], 2**40 + 1)
    assert (len(proof["previousHash"]), len(proof["followingLeaves"])) == (64, 1)


async def test_an_entry_that_the_caller_may_not_see_is_none(graph: Graph) -> None:
    assert (await graph.data(PROOF, id="ent_none")) == {"ledgerProof": None}


async def test_the_entries_of_a_member_are_proved_in_one_call(graph: Graph) -> None:
    data = await graph.data(ENTRIES, id=member_id(1))

    entries = data["member"]["points"]["entries"]
    assert len(entries) > 1
    assert [each["proof"]["entryId"] for each in entries] == [each["id"] for each in entries]
    assert graph.services.asked.calls["BatchGetEntryProofs"] == 1


async def test_everybody_of_the_program_reads_the_roots_of_its_days_page_by_page(graph: Graph) -> None:
    token = graph.token("member", subject=member_id(1))

    first = (await graph.data(ROOTS, token=token, after=None))["ledgerRoots"]
    second = (await graph.data(ROOTS, token=token, after=first["pageInfo"]["endCursor"]))["ledgerRoots"]
    inside = (await graph.data(ROOTS, token=token, after=first["edges"][0]["cursor"]))["ledgerRoots"]

    shown = [[edge["node"]["date"] for edge in page["edges"]] for page in (first, second, inside)]
    assert shown == [list(DAYS[:2]), list(DAYS[2:]), list(DAYS[1:])]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, inside)] == [True, False, False]
    assert first["edges"][0]["node"] | {"chainHash": "", "signature": ""} == {
        "service": "benefits",
        "chain": "ledger",
        "date": "1998-06-28",
        "firstPosition": 1,
        "lastPosition": 2**41,
        "rootHash": "70" * 32,
        "chainHash": "",
        "signedTime": "1998-07-01T12:00:00+00:00",
        "keyId": "benefits.key",
        "signature": "",
    }


@pytest.mark.parametrize(
    "after",
    ["1998-06-28", Cursor("", 2).encode(), Cursor("yesterday").encode()],
    ids=["a date", "a cursor of another list", "a cursor of no day"],
)
async def test_roots_after_what_is_no_place_among_them_are_an_argument_that_means_nothing(
    graph: Graph, after: str
) -> None:
    (error,) = (await graph.ask(ROOTS, after=after))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_report_shows_the_latest_months(graph: Graph) -> None:
    report = (await graph.data(REPORT))["pointsReport"]

    assert (report["issued"], report["outstanding"], report["liabilityMinor"]) == (2**40, 2**40, 98_956_047)
    assert report["states"] == [{"name": "active", "value": 2**40}]
    assert [each["month"] for each in report["cohorts"]] == ["1998-06", "1998-05"]
    assert {(each["liabilityMinor"], each["breakageBp"]) for each in report["cohorts"]} == {(2**40, 1_250)}
