"""FulfilRedemption and CancelRedemption: each resolves a redemption once, and puts back all that it took."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.visibility import Home
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.refusals import refusal
from tests.benefits.rewards_world import (
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_,
    as_manager,
    as_member,
    cancelling,
    disagreements,
    fulfilled,
    fulfilling,
    moved_later,
    points_left,
    redeeming,
    redemptions_of,
    reward_now,
)
from tests.benefits.stories import Story

Reserved = tuple[Story, pb.Reward, pb.Redemption]


async def reserved(benefits: BenefitsWorld) -> Reserved:
    """A member of 1,000 points who reserved one of five coffees for 100."""
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)
    return story, reward, await a_redemption(benefits, story, reward)


async def left(benefits: BenefitsWorld, story: Story, reward: pb.Reward) -> tuple[int, int, int]:
    """Points that may be spent, points that are held, and how many of the reward are left."""
    stock = (await reward_now(benefits, story.program_id, reward.reward_id)).left_count
    return *(await points_left(benefits, story)), stock


async def test_what_is_fulfilled_is_paid(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await reserved(benefits)

    after = await fulfilled(benefits, story, redemption)

    assert (after.state, after.HasField("fulfilled_time")) == (pb.REDEMPTION_STATE_FULFILLED, True)
    assert await left(benefits, story, reward) == (900, 0, 4)
    assert await redemptions_of(benefits, story) == [after]
    assert await disagreements(benefits, story.program_id) == []


@pytest.mark.parametrize("first", [False, True], ids=["reserved", "fulfilled"])
async def test_what_is_cancelled_puts_everything_back(benefits: BenefitsWorld, first: bool) -> None:
    story, reward, redemption = await reserved(benefits)
    if first:
        await fulfilled(benefits, story, redemption)

    shop = as_(benefits, "partner", "shop", story.program_id)
    after = (await shop.CancelRedemption(cancelling(story, redemption))).redemption

    assert (after.state, after.HasField("ended_time")) == (pb.REDEMPTION_STATE_CANCELLED, True)
    assert await left(benefits, story, reward) == (1_000, 0, 5)
    assert await disagreements(benefits, story.program_id) == []


@pytest.mark.parametrize("step", ["fulfil", "cancel"])
async def test_the_same_step_twice_in_a_row_and_at_once_is_one(benefits: BenefitsWorld, step: str) -> None:
    story, reward, redemption = await reserved(benefits)
    manager = as_manager(benefits, story.program_id)
    request: Any = (fulfilling if step == "fulfil" else cancelling)(story, redemption)
    call: Callable[[Any], Awaitable[Any]] = getattr(
        manager, "FulfilRedemption" if step == "fulfil" else "CancelRedemption"
    )

    answers = await asyncio.gather(*(call(request) for _ in range(3)))

    assert len({each.SerializeToString(deterministic=True) for each in [*answers, await call(request)]}) == 1
    assert await left(benefits, story, reward) == ((900, 0, 4) if step == "fulfil" else (1_000, 0, 5))
    assert await disagreements(benefits, story.program_id) == []


async def test_cancelling_and_fulfilling_at_the_same_moment_resolve_once(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    story, reward = await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=8)
    redemptions = [await a_redemption(benefits, story, reward) for _ in range(8)]
    member, shop = as_member(benefits, story), as_(benefits, "partner", "shop", program_id)

    answers = await asyncio.gather(
        *(member.CancelRedemption(cancelling(story, each)) for each in redemptions),
        *(shop.FulfilRedemption(fulfilling(story, each)) for each in redemptions),
        return_exceptions=True,
    )

    done = [
        sum(not isinstance(answers[place + behind], BaseException) for behind in (0, 8)) for place in range(8)
    ]
    paid = sum(not isinstance(each, BaseException) for each in answers[8:])
    assert done == [1] * 8
    assert await left(benefits, story, reward) == (1_000 - 100 * paid, 0, 8 - paid)
    assert await disagreements(benefits, program_id) == []


@pytest.mark.parametrize("step", ["FulfilRedemption", "CancelRedemption"])
async def test_what_was_taken_back_is_neither_given_nor_taken_back_again(
    benefits: BenefitsWorld, step: str
) -> None:
    story, _, redemption = await reserved(benefits)
    manager = as_manager(benefits, story.program_id)
    await manager.CancelRedemption(cancelling(story, redemption))
    request: Any = (fulfilling if step == "FulfilRedemption" else cancelling)(story, redemption)

    _, reason, facts = await refusal(getattr(manager, step)(request))

    assert (reason, facts) == ("REDEMPTION_ENDED", {"state": "CANCELLED"})
    assert await points_left(benefits, story) == (1_000, 0)


async def test_a_member_does_not_take_back_what_they_have(benefits: BenefitsWorld) -> None:
    story, _, redemption = await reserved(benefits)
    await fulfilled(benefits, story, redemption)

    _, reason, _ = await refusal(as_member(benefits, story).CancelRedemption(cancelling(story, redemption)))

    assert reason == "REDEMPTION_ENDED"
    assert await points_left(benefits, story) == (900, 0)


async def test_past_its_time_nothing_is_handed_out(benefits: BenefitsWorld) -> None:
    story, _, redemption = await reserved(benefits)
    await moved_later(benefits, redemption)
    shop = as_(benefits, "partner", "shop", story.program_id)

    _, reason, facts = await refusal(shop.FulfilRedemption(fulfilling(story, redemption)))

    assert (reason, facts) == ("REDEMPTION_ENDED", {"state": "EXPIRED"})


async def test_other_terms_do_not_reach_what_is_reserved(benefits: BenefitsWorld) -> None:
    story, reward, redemption = await reserved(benefits)
    dearer = pb.UpdateRewardRequest(
        program_id=story.program_id,
        request_id="dearer",
        reward_id=reward.reward_id,
        version=1,
        terms=reward.terms,
        archived=True,
    )
    dearer.terms.price_points = 900
    await as_manager(benefits, story.program_id).UpdateReward(dearer)

    after = await fulfilled(benefits, story, redemption)

    assert (after.price_points, after.reward_version) == (100, 1)
    assert await points_left(benefits, story) == (900, 0)
    _, reason, facts = await refusal(as_member(benefits, story).RedeemReward(redeeming(story, reward)))
    assert (reason, facts["obstacle_0_code"]) == ("REWARD_UNAVAILABLE", "ARCHIVED")


@pytest.mark.parametrize(
    ("kind", "subject", "claims"),
    [
        ("member", "mem_" + "0" * 32, {}),
        ("partner", "rival", {}),
        ("staff", "eve", {"roles": ["consultant"], "stores": ["downtown"]}),
    ],
)
async def test_a_redemption_of_whom_the_caller_does_not_see_is_unknown(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, claims: dict[str, Any]
) -> None:
    program_id = await a_store(benefits)
    story = Story(program_id, home=Home("uptown", "east", "shop")).buys(100_000)
    benefits.members.knows([story])
    await benefits.apply(story.partition, story.registration(), story.told())
    redemption = await a_redemption(benefits, story, await a_reward(benefits, program_id))
    stranger = as_(benefits, kind, subject, program_id, **claims)

    _, reason, _ = await refusal(stranger.CancelRedemption(cancelling(story, redemption)))
    found = await stranger.BatchGetRedemptions(
        pb.BatchGetRedemptionsRequest(program_id=program_id, redemption_ids=[redemption.redemption_id])
    )

    assert reason == "REDEMPTION_UNKNOWN"
    assert [each.HasField("redemption") for each in found.results] == [False]


async def test_members_do_not_hand_out_to_themselves(benefits: BenefitsWorld) -> None:
    story, _, redemption = await reserved(benefits)

    _, reason, _ = await refusal(as_member(benefits, story).FulfilRedemption(fulfilling(story, redemption)))

    assert reason == "FORBIDDEN"
