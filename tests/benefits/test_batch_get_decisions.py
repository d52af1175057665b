"""BatchGetDecisions: decisions with their receipts, by id."""

from hashlib import sha256

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.common.v1 import lookup_pb2
from laurel.scoring.v1 import receipts_pb2
from libs.common.canonical import canonical
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.stories import Story
from tests.support.builders import PROGRAM

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


async def decision_ids(benefits: BenefitsWorld, story: Story) -> list[str]:
    stored = benefits.database.decisions.find({"member_id": story.member_id}).sort("seq", 1)
    return [each["_id"] async for each in stored]


async def decisions(benefits: BenefitsWorld, *ids: str) -> list[pb.DecisionResult]:
    request = pb.BatchGetDecisionsRequest(program_id=PROGRAM, decision_ids=ids)
    return list((await benefits.staff.BatchGetDecisions(request)).results)


async def test_each_decision_is_answered_in_its_place_found_or_missing(benefits: BenefitsWorld) -> None:
    first, second, third = await decision_ids(benefits, await benefits.a_member(9_000, 2_000))

    results = await decisions(benefits, third, "dec_unknown", first, second, third)

    assert [result.status for result in results] == [FOUND, MISSING, FOUND, FOUND, FOUND]
    assert [result.decision.seq for result in results] == [3, 0, 1, 2, 3]


async def test_every_event_has_a_decision_of_its_own_kept_ones_too(benefits: BenefitsWorld) -> None:
    ids = await decision_ids(benefits, await benefits.a_member(9_000, 2_000, 0))

    results = await decisions(benefits, *ids)

    outcomes = [receipts_pb2.TierOutcome.Name(each.decision.receipt.outcome) for each in results]
    assert [name.removeprefix("TIER_OUTCOME_") for name in outcomes] == [
        "ENROLLED",
        "KEPT",
        "UPGRADED",
        "KEPT",
    ]
    assert [each.decision.receipt.cause.event.seq for each in results] == [0, 1, 2, 3]


async def test_a_receipt_names_the_version_the_facts_and_the_rules_that_were_met(
    benefits: BenefitsWorld,
) -> None:
    ids = await decision_ids(benefits, await benefits.a_member(12_345))

    receipt = (await decisions(benefits, *ids))[1].decision.receipt

    facts = [{"name": fact.name, "value": fact.value} for fact in receipt.facts]
    assert (receipt.program_id, receipt.program_version, receipt.tier_set) == (PROGRAM, 1, "main")
    assert facts == [{"name": "purchase.amount_minor.lifetime", "value": 12_345}]
    assert receipt.facts_digest == sha256(canonical(facts)).hexdigest()
    assert [(rule.tier, rule.met, rule.margin) for rule in receipt.rules] == [
        ("silver", True, 2_345),
        ("gold", False, -12_655),
        ("platinum", False, -37_655),
        ("diamond", False, -87_655),
    ]


async def test_a_decision_of_another_program_answers_like_a_missing_one(benefits: BenefitsWorld) -> None:
    (foreign,) = await decision_ids(benefits, await benefits.a_member(program_id=await benefits.a_program()))

    results = await decisions(benefits, foreign, "dec_unknown")

    assert results[0] == results[1] == pb.DecisionResult(status=MISSING)
