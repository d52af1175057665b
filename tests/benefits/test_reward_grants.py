"""Grants: the staff give rewards without points, and above the program's limit a second person decides."""

import asyncio
from typing import Any

import pytest

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.ids import new_id
from libs.common.program import Program, preset
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_member,
    a_redemption,
    a_reward,
    as_,
    as_manager,
    as_member,
    cancelling,
    disagreements,
    fulfilled,
    points_left,
    redemptions_of,
    reward_now,
)
from tests.benefits.stories import Story
from tests.support.builders import NOON, PROGRAM

LIMIT_MINOR = 1_000


async def a_store(benefits: BenefitsWorld) -> str:
    """A program in which one person gives a member up to 10.00 a day."""
    document = preset(PROGRAM).document()
    document["key"] = f"store_{new_id('x')[-12:]}"
    document["rewards"] = {"grant_limit_minor": LIMIT_MINOR}
    benefits.members.times[document["key"]] = NOON
    await benefits.publish(Program.parse(document))
    return str(document["key"])


def a_grant(story: Story, reward: pb.Reward) -> pb.GrantRewardRequest:
    return pb.GrantRewardRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        reward_id=reward.reward_id,
        explanation="an apology",
    )


def deciding(kind: Any, story: Story, redemption: pb.Redemption) -> Any:
    return kind(
        program_id=story.program_id,
        request_id=new_id("req"),
        redemption_id=redemption.redemption_id,
        explanation="seen it",
    )


async def pending(benefits: BenefitsWorld, *, stock: int = 2) -> tuple[Story, pb.Reward, pb.Redemption]:
    """A grant of 10.01 that Mia asked for."""
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, stock=stock, value_minor=LIMIT_MINOR + 1)
    answer = await as_manager(benefits, program_id).GrantReward(a_grant(story, reward))
    return story, reward, answer.redemption


async def test_a_small_grant_is_reserved_at_once_and_costs_nothing(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id, points=1)
    reward = await a_reward(
        benefits, program_id, stock=2, value_minor=LIMIT_MINOR, tier_set="main", tier="gold"
    )

    made = (await as_manager(benefits, program_id).GrantReward(a_grant(story, reward))).redemption
    given = await fulfilled(benefits, story, made)

    assert (made.state, made.granted, made.price_points) == (pb.REDEMPTION_STATE_RESERVED, True, 0)
    assert given.state == pb.REDEMPTION_STATE_FULFILLED
    assert await points_left(benefits, story) == (1, 0)
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 1
    assert await disagreements(benefits, program_id) == []


async def test_a_large_one_waits_and_the_member_hears_nothing_of_it(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, stock=2, value_minor=LIMIT_MINOR + 1)
    told = await BenefitsStore(benefits.database).change_place(story.member_id)

    answer = await as_manager(benefits, program_id).GrantReward(a_grant(story, reward))

    assert answer.redemption.state == pb.REDEMPTION_STATE_PENDING
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 2
    assert await redemptions_of(benefits, story) == []
    found = await as_member(benefits, story).BatchGetRedemptions(
        pb.BatchGetRedemptionsRequest(program_id=program_id, redemption_ids=[answer.redemption.redemption_id])
    )
    assert [each.HasField("redemption") for each in found.results] == [False]
    assert await BenefitsStore(benefits.database).change_place(story.member_id) == told


async def test_what_a_member_was_given_does_not_count_for_their_own_limit(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, limits=pb.RewardLimits(member_max=1))
    await as_manager(benefits, program_id).GrantReward(a_grant(story, reward))

    redeemed = await a_redemption(benefits, story, reward)

    assert redeemed.state == pb.REDEMPTION_STATE_RESERVED


async def test_what_is_given_in_small_parts_is_as_much(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, other = await a_member(benefits, program_id), await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, value_minor=600)
    mia, ned = as_manager(benefits, program_id), as_manager(benefits, program_id, "ned")

    answers = [
        await mia.GrantReward(a_grant(story, reward)),
        await mia.GrantReward(a_grant(story, reward)),
        await mia.GrantReward(a_grant(other, reward)),
        await ned.GrantReward(a_grant(story, reward)),
    ]

    reserved, waits = pb.REDEMPTION_STATE_RESERVED, pb.REDEMPTION_STATE_PENDING
    assert [each.redemption.state for each in answers] == [reserved, waits, reserved, reserved]


async def test_two_small_parts_at_once_are_not_both_the_first(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = (
        await a_member(benefits, program_id),
        await a_reward(benefits, program_id, value_minor=600),
    )
    mia = as_manager(benefits, program_id)

    answers = await asyncio.gather(*(mia.GrantReward(a_grant(story, reward)) for _ in range(3)))

    states = [each.redemption.state for each in answers]
    assert sorted(states) == [1, 1, 2]  # one is reserved, two wait


async def test_another_one_approves_it_and_then_it_is_reserved(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await pending(benefits)
    officer = as_(benefits, "staff", "olga", story.program_id, roles=["compliance_officer"])

    after = (await officer.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption))).redemption

    assert after.state == pb.REDEMPTION_STATE_RESERVED
    assert await redemptions_of(benefits, story) == [after]
    assert (await reward_now(benefits, story.program_id, reward.reward_id)).left_count == 1
    assert await disagreements(benefits, story.program_id) == []


async def test_a_rejected_one_takes_nothing(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await pending(benefits)
    ned = as_manager(benefits, story.program_id, "ned")

    after = (await ned.RejectGrant(deciding(pb.RejectGrantRequest, story, redemption))).redemption
    _, reason, facts = await refusal(ned.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption)))

    assert after.state == pb.REDEMPTION_STATE_REJECTED
    assert (reason, facts) == ("REDEMPTION_ENDED", {"state": "REJECTED"})
    assert (await reward_now(benefits, story.program_id, reward.reward_id)).left_count == 2


@pytest.mark.parametrize("kind", [pb.ApproveGrantRequest, pb.RejectGrantRequest])
async def test_who_asked_for_it_does_not_decide_it(benefits: BenefitsWorld, kind: Any) -> None:
    story, _, redemption = await pending(benefits)
    mia = as_manager(benefits, story.program_id)

    _, reason, _ = await refusal(
        getattr(mia, kind.DESCRIPTOR.name.removesuffix("Request"))(deciding(kind, story, redemption))
    )

    assert reason == "GRANT_OF_OWN"


async def test_approved_and_rejected_at_once_it_is_one_of_them(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await pending(benefits)
    ned = as_manager(benefits, story.program_id, "ned")

    answers = await asyncio.gather(
        ned.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption)),
        ned.RejectGrant(deciding(pb.RejectGrantRequest, story, redemption)),
        return_exceptions=True,
    )

    (done,) = (each for each in answers if not isinstance(each, BaseException))
    approved = done.redemption.state == pb.REDEMPTION_STATE_RESERVED
    assert (await reward_now(benefits, story.program_id, reward.reward_id)).left_count == 2 - approved
    assert await disagreements(benefits, story.program_id) == []


async def test_what_is_sold_out_meanwhile_is_not_approved(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await pending(benefits, stock=1)
    manager = as_manager(benefits, story.program_id, "ned")
    restock = pb.RestockRewardRequest(
        program_id=story.program_id, request_id="gone", reward_id=reward.reward_id, added_count=-1
    )
    await manager.RestockReward(restock)

    _, reason, facts = await refusal(
        manager.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption))
    )

    assert (reason, facts) == ("REWARD_UNAVAILABLE", {"obstacle_0_code": "OUT_OF_STOCK"})


async def test_a_grant_is_taken_back_without_points(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await pending(benefits)
    ned = as_manager(benefits, story.program_id, "ned")
    await ned.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption))

    after = (await ned.CancelRedemption(cancelling(story, redemption))).redemption

    assert after.state == pb.REDEMPTION_STATE_CANCELLED
    assert await points_left(benefits, story) == (1_000, 0)
    assert (await reward_now(benefits, story.program_id, reward.reward_id)).left_count == 2


async def test_only_the_staff_give_rewards_away(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    callers = [
        as_(benefits, "partner", "shop", program_id),
        as_(benefits, "member", story.member_id, program_id),
        as_(benefits, "staff", "cora", program_id, roles=["consultant"]),
    ]

    reasons = [(await refusal(each.GrantReward(a_grant(story, reward))))[1] for each in callers]

    assert reasons == ["FORBIDDEN"] * 3


async def test_who_gave_what_and_who_approved_it_is_in_the_audit_log(benefits: BenefitsWorld) -> None:
    story, _, redemption = await pending(benefits)
    ned = as_manager(benefits, story.program_id, "ned")
    await ned.ApproveGrant(deciding(pb.ApproveGrantRequest, story, redemption))

    records = benefits.database.audit.find({"objects": redemption.redemption_id}).sort("_id", 1)
    told = [
        (each["act"], each["actor"]["subject"], each["reason"])
        for each in await records.to_list(None)
        if each["act"].endswith(("Reward", "Grant"))
    ]

    assert told == [("GrantReward", "mia", "an apology"), ("ApproveGrant", "ned", "seen it")]
