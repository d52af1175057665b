"""Many who want the same reward at once: it sells out exactly, and what pays for it agrees."""

import asyncio
from collections.abc import Awaitable

import grpc

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.rpc.errors import reason_of
from tests.benefits.conftest import BenefitsWorld
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
    redeeming,
    reward_now,
)

PASSES = {"CONTENTION", "REQUEST_IN_FLIGHT", "OVERLOADED", "DEADLINE_EXCEEDED"}


async def until_it_is_known(call: "Awaitable[pb.RedeemRewardResponse]") -> bytes | str:
    """The answer in bytes, or the reason."""
    try:
        return (await call).SerializeToString(deterministic=True)
    except grpc.aio.AioRpcError as error:
        return reason_of(error) or error.code().name


async def redeemed(stub: object, request: pb.RedeemRewardRequest) -> bytes | str:
    """The same again while it may pass, as the contract has it."""
    for _ in range(20):
        met = await until_it_is_known(stub.RedeemReward(request))  # type: ignore[attr-defined]
        if met not in PASSES:
            return met
        await asyncio.sleep(0.1)
    return met


async def test_sixty_keys_of_two_senders_on_a_stock_of_fifty(benefits: BenefitsWorld) -> None:
    program_id = await a_store(benefits)
    reward = await a_reward(benefits, program_id, stock=50, price_points=1)
    stories = [await a_member(benefits, program_id) for _ in range(12)]
    requests = [redeeming(story, reward) for story in stories for _ in range(5)]
    shop = as_(benefits, "partner", "shop", program_id)

    answers = await asyncio.gather(*(redeemed(shop, each) for each in requests for _ in range(2)))

    first, second = answers[::2], answers[1::2]
    assert first == second
    given = [each for each in first if isinstance(each, bytes)]
    assert len(set(given)) == 50
    assert set(first) - set(given) == {"REWARD_UNAVAILABLE"}
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 0
    assert await disagreements(benefits, program_id) == []


async def test_a_hot_reward_sells_out_exactly_while_it_is_restocked_and_given_back(
    benefits: BenefitsWorld,
) -> None:
    program_id = await a_store(benefits)
    reward = await a_reward(benefits, program_id, stock=10, price_points=1)
    stories = [await a_member(benefits, program_id) for _ in range(10)]
    early = [await a_redemption(benefits, story, reward) for story in stories[:5]]
    restock = pb.RestockRewardRequest(
        program_id=program_id, request_id="more", reward_id=reward.reward_id, added_count=5
    )

    redeeming_all = asyncio.gather(
        *(redeemed(as_member(benefits, each), redeeming(each, reward)) for each in stories * 3)
    )
    await asyncio.gather(
        redeeming_all,
        as_manager(benefits, program_id).RestockReward(restock),
        *(
            as_member(benefits, story).CancelRedemption(cancelling(story, each))
            for story, each in zip(stories, early, strict=False)
        ),
    )

    given = sum(isinstance(each, bytes) for each in redeeming_all.result())
    between = await reward_now(benefits, program_id, reward.reward_id)
    assert 5 <= given <= 15
    assert (between.stocked_count, between.left_count) == (15, 15 - given)
    assert await disagreements(benefits, program_id) == []

    late = await asyncio.gather(
        *(redeemed(as_member(benefits, each), redeeming(each, reward)) for each in stories * 2)
    )

    assert given + sum(isinstance(each, bytes) for each in late) == 15
    assert {each for each in late if isinstance(each, str)} == {"REWARD_UNAVAILABLE"}
    assert (await reward_now(benefits, program_id, reward.reward_id)).left_count == 0
    assert await disagreements(benefits, program_id) == []
