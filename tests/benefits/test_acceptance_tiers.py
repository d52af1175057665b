"""What programs are asked for in examples with numbers: tiers that wait, are appealed against, change."""

from datetime import UTC, datetime

import grpc
import pytest

from laurel.benefits.v1 import decisions_pb2, decisions_pb2_grpc, programs_pb2, programs_pb2_grpc
from libs.common.ids import new_id
from libs.common.policy import ROLES
from tests.benefits.changing import GOLD, MORE_FOR_GOLD, a_desk, recalculated
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.telling import told
from tests.benefits.test_risk_gate import bought, told_of
from tests.benefits.tier_desk import APPEAL, decided, membership, tier_desks

DECISIONS = decisions_pb2.DESCRIPTOR.services_by_name["DecisionsService"]
PROGRAMS = programs_pb2.DESCRIPTOR.services_by_name["ProgramsService"]
FAR = datetime(2400, 1, 1, tzinfo=UTC)


async def test_example_18_an_upgrade_is_held_and_applied_after_review_with_both_reasons_kept(
    benefits: BenefitsWorld,
) -> None:
    story = await bought(benefits, 10, GOLD)

    await told_of(benefits, story, 90)

    held, applied = await decided(benefits, story)
    assert (held.to_tier, held.reasons[0].code) == ("normal", "UPGRADE_HELD")
    assert dict(held.reasons[0].params)["earned_tier"] == "gold"
    assert (applied.to_tier, applied.reasons[0].code) == ("gold", "TIER_REACHED")


async def test_example_19_an_appeal_restores_the_tier_and_the_decision_is_proved_by_its_own_version(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_desk(benefits)
    story = await benefits.a_member(GOLD, program_id=desk.key)
    await desk.changed_to(desk.with_gold_at(MORE_FOR_GOLD))
    await recalculated(benefits, desk.key)
    lost = (await membership(benefits, story)).decision
    await desk.changed_to(desk.with_gold_at(MORE_FOR_GOLD + 1))
    await recalculated(benefits, desk.key)
    mia, otto = await tier_desks(benefits, story)

    await otto.approve(await mia.give("gold", FAR, reason=APPEAL, decision_id=lost.decision_id))

    # The decision that was appealed against, by the program that took it: metrics, thresholds, margins.
    stub = benefits.stub(DECISIONS, decisions_pb2_grpc.DecisionsServiceStub, "staff", "otto", desk.key)
    request = decisions_pb2.BatchReplayDecisionsRequest(program_id=desk.key, decision_ids=[lost.decision_id])
    (replayed,) = (await stub.BatchReplayDecisions(request)).results
    (gold,) = [each for each in replayed.replay.receipt.rules if each.tier == "gold"]
    assert (replayed.replay.same, replayed.replay.receipt.program_version) == (True, 2)
    assert (gold.metric, gold.threshold, gold.value, gold.met) == ("spend", MORE_FOR_GOLD, GOLD, False)
    # What came of the appeal, and what it refers to.
    restored = (await decided(benefits, story))[-1]
    after = await membership(benefits, story)
    assert (after.tier, after.override.code, after.override.earned_tier) == (
        "gold",
        "APPEAL_UPHELD",
        "silver",
    )
    assert (restored.terms.given.decision_id, restored.program_version) == (lost.decision_id, 3)
    notice = [each for each in await told(benefits, story.member_id) if each["code"] == "TIER_CHANGED"][-1]
    assert (notice["params"]["tier"], notice["params"]["reason_0_why"]) == ("gold", "APPEAL_UPHELD")


async def test_example_24_a_recalibrated_policy_is_a_proposal_until_level_five_approves_it(
    benefits: BenefitsWorld,
) -> None:
    desk = await a_desk(benefits)
    story = await benefits.a_member(GOLD, program_id=desk.key)
    draft = await desk.propose(desk.with_gold_at(MORE_FOR_GOLD), note="Quarterly calibration")

    refused = await refusal(desk.publish(draft))
    tier = (await membership(benefits, story)).tier
    await desk.publish(await desk.approve(draft))
    await recalculated(benefits, desk.key)

    assert ROLES.index("compliance_officer") + 1 == 5
    assert refused[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "PROGRAM_VERSION_STATE")
    assert (tier, (await membership(benefits, story)).tier) == ("gold", "silver")


@pytest.mark.parametrize("role", [each for each in ROLES if each != "compliance_officer"])
async def test_example_24_nobody_of_another_level_approves_it(benefits: BenefitsWorld, role: str) -> None:
    desk = await a_desk(benefits)
    draft = await desk.propose(desk.with_gold_at(MORE_FOR_GOLD))
    made = programs_pb2_grpc.ProgramsServiceStub
    stub = benefits.stub(PROGRAMS, made, "staff", "eve", desk.key, roles=[role])

    refused = await refusal(
        stub.ApproveProgramVersion(
            programs_pb2.ApproveProgramVersionRequest(
                program_id=desk.key, request_id=new_id("req"), version=draft.version, digest=draft.digest
            )
        )
    )

    assert refused[0] == grpc.StatusCode.PERMISSION_DENIED
