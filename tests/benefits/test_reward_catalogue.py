"""The catalogue of rewards: the staff make, change and restock it, and everybody of the program reads it."""

import asyncio
from typing import Any

import pytest

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp
from tests.benefits.conftest import OTHER_PROGRAM, BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_creation,
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    as_manager,
    reward_now,
    terms,
)
from tests.support.builders import DAY, NOON, PROGRAM


def an_update(program_id: str, reward: pb.Reward, **fields: Any) -> pb.UpdateRewardRequest:
    return pb.UpdateRewardRequest(
        program_id=program_id,
        request_id=new_id("req"),
        reward_id=reward.reward_id,
        **{"version": reward.version, "terms": reward.terms, **fields},
    )


def a_restock(program_id: str, reward: pb.Reward, added: int) -> pb.RestockRewardRequest:
    return pb.RestockRewardRequest(
        program_id=program_id,
        request_id=new_id("req"),
        reward_id=reward.reward_id,
        added_count=added,
        explanation="delivery note 4711",
    )


async def listed(benefits: BenefitsWorld, program_id: str, **fields: Any) -> list[str]:
    stub = as_(benefits, "member", new_id("mem"), program_id)
    answer = await stub.ListRewards(pb.ListRewardsRequest(program_id=program_id, **fields))
    return [each.reward_id for each in answer.rewards]


async def test_a_reward_is_kept_with_all_its_terms(benefits: BenefitsWorld) -> None:
    whole = terms(
        kind=pb.REWARD_KIND_TICKET,
        description_zh="经济舱",
        description_en="Economy class",
        tier_set="main",
        tier="gold",
        spend_min_minor=10_000,
        window=pb.RewardWindow(
            from_time=timestamp(NOON),
            until_time=timestamp(NOON + DAY),
            hours=[pb.RewardHours(weekdays=[6, 7], from_minute=600, to_minute=720)],
        ),
        limits=pb.RewardLimits(
            total_max=9, member_max=3, member_day_max=1, member_period_max=2, period_days=7
        ),
    )
    request = a_creation(PROGRAM, stock=50)
    request.terms.CopyFrom(whole)

    made = (await as_manager(benefits, PROGRAM).CreateReward(request)).reward

    assert made == await reward_now(benefits, PROGRAM, request.reward_id)
    assert (made.version, made.terms, made.stocked_count, made.left_count) == (1, whole, 50, 9)


async def test_a_reward_without_bounds_says_no_numbers(benefits: BenefitsWorld) -> None:
    made = await a_reward(benefits, PROGRAM)

    assert not made.HasField("stocked_count")
    assert not made.HasField("left_count")


async def test_two_who_make_the_same_reward_at_once_make_one(benefits: BenefitsWorld) -> None:
    reward_id = f"r{new_id('x')[-10:]}"
    requests = [a_creation(PROGRAM, reward_id=reward_id, price_points=price) for price in (100, 200)]
    manager = as_manager(benefits, PROGRAM)

    answers = await asyncio.gather(*(manager.CreateReward(each) for each in requests), return_exceptions=True)

    made = [each for each in answers if isinstance(each, pb.CreateRewardResponse)]
    assert len(made) == 1
    assert made[0].reward == await reward_now(benefits, PROGRAM, reward_id)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tier_set": "main", "tier": "bronze"}, "terms.tier"),
        (
            {"window": pb.RewardWindow(hours=[pb.RewardHours(from_minute=600, to_minute=600)])},
            "terms.window.hours",
        ),
    ],
)
async def test_terms_that_cannot_hold_are_refused_by_field(
    benefits: BenefitsWorld, fields: dict[str, Any], named: str
) -> None:
    call = as_manager(benefits, PROGRAM).CreateReward(a_creation(PROGRAM, **fields))

    _, reason, facts = await refusal(call)

    assert (reason, set(facts)) == ("REWARD_INVALID", {named})


async def test_other_terms_are_another_version(benefits: BenefitsWorld) -> None:
    before = await a_reward(benefits, PROGRAM, stock=5)

    request = an_update(PROGRAM, before, terms=terms(price_points=200), archived=True)
    after = (await as_manager(benefits, PROGRAM).UpdateReward(request)).reward

    assert (after.version, after.terms.price_points, after.archived) == (2, 200, True)
    assert (after.stocked_count, after.left_count) == (5, 5)
    assert after == await reward_now(benefits, PROGRAM, before.reward_id)


async def test_of_two_who_change_the_same_version_one_is_told(benefits: BenefitsWorld) -> None:
    before = await a_reward(benefits, PROGRAM)
    manager = as_manager(benefits, PROGRAM)
    requests = [an_update(PROGRAM, before, terms=terms(price_points=price)) for price in (200, 300)]

    answers = await asyncio.gather(*(manager.UpdateReward(each) for each in requests), return_exceptions=True)

    assert sum(isinstance(each, pb.UpdateRewardResponse) for each in answers) == 1
    assert (await reward_now(benefits, PROGRAM, before.reward_id)).version == 2
    _, reason, facts = await refusal(manager.UpdateReward(an_update(PROGRAM, before)))
    assert (reason, facts) == ("REWARD_CHANGED", {"version": "2"})


async def test_stock_is_added_and_taken_off_but_not_what_is_taken(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    reward = await a_reward(benefits, program_id, stock=2)
    await a_redemption(benefits, await a_member(benefits, program_id), reward)
    manager = as_manager(benefits, program_id)

    added = (await manager.RestockReward(a_restock(program_id, reward, 3))).reward
    taken_off = (await manager.RestockReward(a_restock(program_id, reward, -4))).reward
    _, reason, facts = await refusal(manager.RestockReward(a_restock(program_id, reward, -1)))

    assert (added.stocked_count, added.left_count) == (5, 4)
    assert (taken_off.stocked_count, taken_off.left_count) == (1, 0)
    assert (reason, facts) == ("STOCK_TOO_LOW", {"left": "0", "added": "-1"})


async def test_two_restocks_at_once_both_count(benefits: BenefitsWorld) -> None:
    reward = await a_reward(benefits, PROGRAM, stock=0)
    manager = as_manager(benefits, PROGRAM)

    await asyncio.gather(*(manager.RestockReward(a_restock(PROGRAM, reward, each)) for each in (1, 2, 3)))

    assert (await reward_now(benefits, PROGRAM, reward.reward_id)).stocked_count == 6


async def test_members_page_through_what_is_offered(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    manager = as_manager(benefits, program_id)
    for reward_id in ("a", "b", "c"):
        kind = pb.REWARD_KIND_COUPON if reward_id == "c" else pb.REWARD_KIND_GOODS
        await manager.CreateReward(a_creation(program_id, reward_id=reward_id, kind=kind))
    gone = await reward_now(benefits, program_id, "b")
    await manager.UpdateReward(an_update(program_id, gone, archived=True))
    first = pb.ListRewardsRequest(program_id=program_id, page_size=1)

    page = await manager.ListRewards(first)
    first.page_token = page.next_page_token
    last = await manager.ListRewards(first)

    assert [[each.reward_id for each in one.rewards] for one in (page, last)] == [["a"], ["c"]]
    assert last.next_page_token == ""
    assert await listed(benefits, program_id, include_archived=True) == ["a", "b", "c"]
    assert await listed(benefits, program_id, kind=pb.REWARD_KIND_COUPON) == ["c"]


async def test_another_programs_reward_is_as_unknown_as_none(benefits: BenefitsWorld) -> None:
    reward = await a_reward(benefits, PROGRAM)
    manager = as_manager(benefits, OTHER_PROGRAM)

    answer = await manager.BatchGetRewards(
        pb.BatchGetRewardsRequest(program_id=OTHER_PROGRAM, reward_ids=[reward.reward_id, "nothing"])
    )
    _, reason, _ = await refusal(manager.UpdateReward(an_update(OTHER_PROGRAM, reward)))

    assert answer.results[0] == answer.results[1]
    assert reason == "REWARD_UNKNOWN"


async def test_each_change_leaves_what_was_before_and_after(benefits: BenefitsWorld) -> None:
    reward = await a_reward(benefits, PROGRAM, stock=2)
    await as_manager(benefits, PROGRAM).RestockReward(a_restock(PROGRAM, reward, 3))

    records = benefits.database.audit.find({"objects": reward.reward_id}).sort("_id", 1)
    made, restocked = await records.to_list(None)

    assert (made["act"], made["before"], restocked["act"]) == ("CreateReward", "", "RestockReward")
    assert restocked["reason"] == "delivery note 4711"
    assert '"stocked":2' in restocked["before"]
    assert '"stocked":5' in restocked["after"]
