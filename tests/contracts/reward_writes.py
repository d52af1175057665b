"""The writes of RewardsService: by whom, with what, and with what else under the same request id."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.ids import new_id
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.rewards_world import (
    a_creation,
    a_member,
    a_redemption,
    a_reward,
    a_store,
    as_manager,
    as_member,
    cancelling,
    fulfilling,
    redeeming,
)
from tests.benefits.stories import Story
from tests.contracts.payloads import changed

Sent = tuple[Any, Message, Message]


async def create(benefits: BenefitsWorld) -> Sent:
    program_id = await a_store(benefits)
    request = a_creation(program_id)
    return as_manager(benefits, program_id), request, changed(request, stock_count=5)


async def update(benefits: BenefitsWorld) -> Sent:
    program_id = await a_store(benefits)
    reward = await a_reward(benefits, program_id)
    request = pb.UpdateRewardRequest(
        program_id=program_id,
        request_id=new_id("req"),
        reward_id=reward.reward_id,
        version=1,
        terms=reward.terms,
    )
    return as_manager(benefits, program_id), request, changed(request, archived=True)


async def restock(benefits: BenefitsWorld) -> Sent:
    program_id = await a_store(benefits)
    reward = await a_reward(benefits, program_id, stock=5)
    request = pb.RestockRewardRequest(
        program_id=program_id, request_id=new_id("req"), reward_id=reward.reward_id, added_count=1
    )
    return as_manager(benefits, program_id), request, changed(request, added_count=2)


async def redeem(benefits: BenefitsWorld) -> Sent:
    story, reward = await _offered(benefits)
    request = redeeming(story, reward)
    return as_member(benefits, story), request, changed(request, reward_id="another")


async def fulfil(benefits: BenefitsWorld) -> Sent:
    story, reward = await _offered(benefits)
    one, other = [await a_redemption(benefits, story, reward) for _ in range(2)]
    request = fulfilling(story, one)
    return (
        as_manager(benefits, story.program_id),
        request,
        changed(request, redemption_id=other.redemption_id),
    )


async def cancel(benefits: BenefitsWorld) -> Sent:
    story, reward = await _offered(benefits)
    request = cancelling(story, await a_redemption(benefits, story, reward))
    return as_member(benefits, story), request, changed(request, explanation="another")


async def grant(benefits: BenefitsWorld) -> Sent:
    story, reward = await _offered(benefits)
    request = _a_grant(story, reward)
    return as_manager(benefits, story.program_id), request, changed(request, explanation="another")


async def approve(benefits: BenefitsWorld) -> Sent:
    stub, redemption, program_id = await _pending(benefits)
    request = pb.ApproveGrantRequest(
        program_id=program_id, request_id=new_id("req"), redemption_id=redemption.redemption_id
    )
    return stub, request, changed(request, explanation="another")


async def reject(benefits: BenefitsWorld) -> Sent:
    stub, redemption, program_id = await _pending(benefits)
    request = pb.RejectGrantRequest(
        program_id=program_id,
        request_id=new_id("req"),
        redemption_id=redemption.redemption_id,
        explanation="no",
    )
    return stub, request, changed(request, explanation="another")


async def _offered(benefits: BenefitsWorld) -> tuple[Story, pb.Reward]:
    program_id = await a_store(benefits)
    return await a_member(benefits, program_id), await a_reward(benefits, program_id, stock=5)


def _a_grant(story: Story, reward: pb.Reward) -> pb.GrantRewardRequest:
    return pb.GrantRewardRequest(
        program_id=story.program_id,
        request_id=new_id("req"),
        member_id=story.member_id,
        reward_id=reward.reward_id,
        explanation="an apology",
    )


async def _pending(benefits: BenefitsWorld) -> tuple[Any, pb.Redemption, str]:
    """A grant that is worth more than one person may give, and somebody else who decides it."""
    program_id = await a_store(benefits)
    story = await a_member(benefits, program_id)
    reward = await a_reward(benefits, program_id, value_minor=1_000_000)
    asked = await as_manager(benefits, program_id).GrantReward(_a_grant(story, reward))
    return as_manager(benefits, program_id, "ned"), asked.redemption, program_id


REWARD_WRITES: dict[str, Callable[[BenefitsWorld], Awaitable[Sent]]] = {
    "CreateReward": create,
    "UpdateReward": update,
    "RestockReward": restock,
    "RedeemReward": redeem,
    "FulfilRedemption": fulfil,
    "CancelRedemption": cancel,
    "GrantReward": grant,
    "ApproveGrant": approve,
    "RejectGrant": reject,
}
