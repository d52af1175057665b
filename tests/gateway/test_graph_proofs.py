"""Proofs and the report of points in the graph."""

from tests.gateway.conftest import Graph
from tests.gateway.fake_proofs import LINKED, ROOTED
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
REPORT = """
{
  pointsReport(first: 2) {
    pointsCurrency issued states { name value } difference outstanding currency valueMinor valuePoints
    expectedRedemptionBp expectedRedemptionMonths liabilityMinor asOf cohortsBehindSeconds
    cohorts { month earned received pending active held spent expired reversed moved worthBp }
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


async def test_a_report_shows_the_latest_months(graph: Graph) -> None:
    report = (await graph.data(REPORT))["pointsReport"]

    assert (report["issued"], report["outstanding"], report["liabilityMinor"]) == (2**40, 2**40, 98_956_047)
    assert report["states"] == [{"name": "active", "value": 2**40}]
    assert [each["month"] for each in report["cohorts"]] == ["1998-06", "1998-05"]
