"""BatchCheckRewards: all that stands between a member and a reward, and whether they may have it."""

from typing import Any

import pytest

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.contracts_world import a_site
from tests.benefits.rewards_world import (
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    as_manager,
    as_member,
    cancelling,
)
from tests.benefits.stories import Story
from tests.support.builders import NOON


async def checked(benefits: BenefitsWorld, story: Story, *rewards: pb.Reward) -> list[pb.RewardCheckResult]:
    """What a member is told of rewards."""
    keys = [pb.RewardCheckKey(member_id=story.member_id, reward_id=each.reward_id) for each in rewards]
    request = pb.BatchCheckRewardsRequest(program_id=story.program_id, keys=keys)
    return list((await as_member(benefits, story).BatchCheckRewards(request)).results)


def codes(result: pb.RewardCheckResult) -> list[str]:
    return [
        pb.RewardObstacleCode.Name(each.code).removeprefix("REWARD_OBSTACLE_CODE_")
        for each in result.obstacles
    ]


async def test_a_reward_that_nothing_stands_against_is_available(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id, points=100)

    (result,) = await checked(benefits, story, await a_reward(benefits, program_id, stock=1))

    assert (result.status, list(result.obstacles)) == (1, [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"price_points": 101}, "POINTS_MISSING"),
        ({"stock": 0}, "OUT_OF_STOCK"),
        ({"tier_set": "main", "tier": "gold"}, "TIER_TOO_LOW"),
        ({"spend_min_minor": 10_001}, "SPEND_TOO_LOW"),
        ({"window": pb.RewardWindow(until_time=timestamp(NOON))}, "OUTSIDE_WINDOW"),
        ({"value_minor": 500_001}, "DAILY_CAP"),
        ({"price_points": 9}, "BELOW_MINIMUM"),
    ],
)
async def test_each_condition_is_read_from_what_the_member_holds(
    benefits: BenefitsWorld, fields: dict[str, Any], code: str
) -> None:
    program_id = await a_store(benefits, min_points=10)
    story = await a_member(benefits, program_id, points=100)

    (result,) = await checked(benefits, story, await a_reward(benefits, program_id, **fields))

    assert codes(result) == [code]


async def test_a_tier_that_is_held_by_contract_is_as_good_as_an_earned_one(benefits: BenefitsWorld) -> None:
    site = await a_site(benefits)
    story = await site.a_member()
    reward = await a_reward(benefits, site.key, tier_set="main", tier="gold")

    (before,) = await checked(benefits, story, reward)
    await site.sell(story, "gold_year")
    (after,) = await checked(benefits, story, reward)

    assert (codes(before), codes(after)) == (["TIER_TOO_LOW", "POINTS_MISSING"], ["POINTS_MISSING"])


async def test_what_the_member_had_counts_until_it_is_taken_back(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits, per_day_max=1)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, limits=pb.RewardLimits(member_day_max=1))
    redemption = await a_redemption(benefits, story, reward)

    (had,) = await checked(benefits, story, reward)
    await as_member(benefits, story).CancelRedemption(cancelling(story, redemption))
    (given_back,) = await checked(benefits, story, reward)

    assert codes(had) == ["REWARD_CAP_REACHED", "TOO_FREQUENT"]
    assert dict(had.obstacles[0].params) == {"limit": "member_day", "max": "1"}
    assert codes(given_back) == []


async def test_all_reasons_come_at_once_in_both_languages(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id, points=10)
    reward = await a_reward(benefits, program_id, stock=0, tier_set="main", tier="gold", price_points=1_210)

    (result,) = await checked(benefits, story, reward)

    assert codes(result) == ["OUT_OF_STOCK", "TIER_TOO_LOW", "POINTS_MISSING"]
    assert [each.text_en for each in result.obstacles] == [
        "None of this reward is left.",
        "It is for Gold and above.",
        "Points missing: 1,200.",
    ]
    assert result.obstacles[1].text_zh == "金卡会员及以上会员可以兑换。"


async def test_many_members_and_rewards_are_answered_in_order(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    rich, poor = await a_member(benefits, program_id), await a_member(benefits, program_id, points=1)
    cheap = await a_reward(benefits, program_id, price_points=1)
    dear = await a_reward(benefits, program_id, price_points=1_000)
    pairs = [
        (rich.member_id, dear.reward_id),
        (poor.member_id, dear.reward_id),
        (poor.member_id, cheap.reward_id),
        (new_id("mem"), cheap.reward_id),
        (rich.member_id, "nothing"),
    ]
    keys = [pb.RewardCheckKey(member_id=member_id, reward_id=reward_id) for member_id, reward_id in pairs]
    request = pb.BatchCheckRewardsRequest(program_id=program_id, keys=keys)

    results = (await as_manager(benefits, program_id).BatchCheckRewards(request)).results

    assert [(each.status, codes(each)) for each in results] == [
        (1, []),
        (1, ["POINTS_MISSING"]),
        (1, []),
        (2, []),
        (2, []),
    ]


@pytest.mark.parametrize(
    ("kind", "subject", "claims", "status"),
    [
        ("member", "mem_" + "0" * 32, {}, 2),
        ("partner", "shop", {}, 1),
        ("partner", "rival", {}, 2),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["uptown"]}, 1),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}, 2),
    ],
)
async def test_whom_the_caller_may_not_see_is_as_if_not_there(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any], status: int
) -> None:
    program_id = await a_store(benefits)
    story = Story(program_id, home=Home("uptown", "east", "shop"))
    await benefits.apply(story.partition, story.registration())
    reward = await a_reward(benefits, program_id)
    key = pb.RewardCheckKey(member_id=story.member_id, reward_id=reward.reward_id)
    request = pb.BatchCheckRewardsRequest(program_id=program_id, keys=[key])

    (result,) = (await as_(benefits, kind, subject, program_id, **claims).BatchCheckRewards(request)).results

    assert result.status == status
