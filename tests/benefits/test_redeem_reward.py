"""RedeemReward: a reward is reserved with its points and its place in the stock, or nothing happens."""

import asyncio
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.rpc.time import moment
from libs.common.visibility import Home
from tests.benefits.conftest import OTHER_PROGRAM, BenefitsWorld
from tests.benefits.points import a_program
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    AN_HOUR,
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    as_manager,
    as_member,
    disagreements,
    points_left,
    redeeming,
    redemptions_of,
    reward_now,
)
from tests.benefits.stories import Story
from tests.support.builders import NOON, PROGRAM


async def test_what_is_redeemed_is_reserved_with_its_points_and_stock(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)

    redemption = (await as_member(benefits, story).RedeemReward(redeeming(story, reward))).redemption

    assert redemption.state == pb.REDEMPTION_STATE_RESERVED
    assert (redemption.price_points, redemption.value_minor, redemption.reward_version) == (100, 500, 1)
    assert (moment(redemption.created_time), moment(redemption.due_time)) == (NOON, NOON + AN_HOUR)
    assert await points_left(benefits, story) == (900, 100)
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 4
    assert await redemptions_of(benefits, story) == [redemption]
    assert await disagreements(benefits, program_id) == []


async def test_the_same_request_twice_takes_once(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=1)
    request = redeeming(story, reward)
    first = await as_member(benefits, story).RedeemReward(request)

    again = await as_member(benefits, story).RedeemReward(request)

    assert again == first
    assert await points_left(benefits, story) == (900, 100)


async def test_two_redemptions_of_a_member_at_once_are_two(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    member = as_member(benefits, story)

    await asyncio.gather(*(member.RedeemReward(redeeming(story, reward)) for _ in range(2)))

    assert await points_left(benefits, story) == (800, 200)
    assert len(await redemptions_of(benefits, story)) == 2


async def test_a_refusal_has_all_that_stands_against_it_and_changes_nothing(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id, points=60)
    reward = await a_reward(benefits, program_id, stock=1, tier_set="main", tier="gold")

    _, reason, facts = await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))

    assert reason == "REWARD_UNAVAILABLE"
    assert facts == {
        "obstacle_0_code": "TIER_TOO_LOW",
        "obstacle_0_tier_set": "main",
        "obstacle_0_tier": "gold",
        "obstacle_0_held_tier": "normal",
        "obstacle_1_code": "POINTS_MISSING",
        "obstacle_1_missing_points": "40",
    }
    assert await points_left(benefits, story) == (60, 0)
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 1
    assert await redemptions_of(benefits, story) == []


async def test_a_refused_request_may_succeed_later_under_its_id(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=0)
    request = redeeming(story, reward)
    await refusal(as_member(benefits, story).RedeemReward(request))
    restock = pb.RestockRewardRequest(
        program_id=program_id, request_id=new_id("req"), reward_id=reward.reward_id, added_count=1
    )
    await as_manager(benefits, program_id).RestockReward(restock)

    answer = await as_member(benefits, story).RedeemReward(request)

    assert answer.redemption.state == pb.REDEMPTION_STATE_RESERVED


async def test_points_that_have_ended_are_missing_though_the_calendar_is_late(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_program(benefits, expire_after_months=1)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id)
    await benefits.database.lots.update_many({"member_id": story.member_id}, {"$set": {"expire_time": NOON}})

    _, reason, facts = await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))

    assert reason == "REWARD_UNAVAILABLE"
    assert facts == {"obstacle_0_code": "POINTS_MISSING", "obstacle_0_missing_points": "100"}


async def test_a_hold_pays_for_one_redemption_and_a_redemption_has_one_hold(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    redemption = await a_redemption(benefits, story, await a_reward(benefits, program_id))
    database = benefits.database
    document = await database.redemptions.find_one({"_id": redemption.redemption_id})
    hold = await database.holds.find_one({"external_ref": redemption.redemption_id})
    assert document is not None
    assert hold is not None

    with pytest.raises(DuplicateKeyError):
        await database.redemptions.insert_one({**document, "_id": new_id("rdm")})
    with pytest.raises(DuplicateKeyError):
        await database.holds.insert_one({**hold, "_id": new_id("hld")})


async def test_a_members_limit_holds_for_two_at_once(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, limits=pb.RewardLimits(member_max=2))
    member = as_member(benefits, story)

    answers = await asyncio.gather(
        *(member.RedeemReward(redeeming(story, reward)) for _ in range(5)), return_exceptions=True
    )

    assert sum(isinstance(each, pb.RedeemRewardResponse) for each in answers) == 2


@pytest.mark.parametrize(
    ("kind", "subject", "claims", "reason"),
    [
        ("member", "", {}, ""),
        ("member", "mem_" + "0" * 32, {}, "MEMBER_UNKNOWN"),
        ("partner", "shop", {}, ""),
        ("partner", "rival", {}, "MEMBER_UNKNOWN"),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["uptown"]}, ""),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}, "MEMBER_UNKNOWN"),
        ("staff", "eve", {"roles": ["compliance_officer"]}, "FORBIDDEN"),
        ("service", "risk", {}, "FORBIDDEN"),
    ],
)
async def test_members_redeem_for_themselves_and_others_for_those_whom_they_see(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any], reason: str
) -> None:
    program_id = await a_store(benefits)
    story = Story(program_id, home=Home("uptown", "east", "shop")).buys(100_000)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    reward = await a_reward(benefits, program_id)
    program: Any = None if kind == "service" else program_id
    call = as_(benefits, kind, subject or story.member_id, program, **claims).RedeemReward(
        redeeming(story, reward)
    )

    met = "" if not reason and await call else (await refusal(call))[1]

    assert met == reason


async def test_a_member_or_reward_that_is_not_there_is_refused(benefits: BenefitsWorld) -> None:
    story, reward = await a_member(benefits, PROGRAM), await a_reward(benefits, PROGRAM)
    manager = as_manager(benefits, PROGRAM)
    nobody, nothing = Story(PROGRAM), pb.Reward(reward_id="nothing")
    foreign = await a_reward(benefits, OTHER_PROGRAM)

    reasons = [
        (await refusal(manager.RedeemReward(redeeming(who, what))))[1]
        for who, what in ((nobody, reward), (story, nothing), (story, foreign))
    ]

    assert reasons == ["MEMBER_UNKNOWN", "REWARD_UNKNOWN", "REWARD_UNKNOWN"]


async def test_who_redeemed_what_is_in_the_audit_log(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id)
    answer = await as_manager(benefits, program_id).RedeemReward(redeeming(story, reward))

    record = await benefits.database.audit.find_one({"objects": answer.redemption.redemption_id})

    assert record is not None
    assert (record["act"], record["actor"]["subject"]) == ("RedeemReward", "mia")
    assert set(record["objects"]) == {story.member_id, reward.reward_id, answer.redemption.redemption_id}
