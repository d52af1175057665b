"""Mutations of the catalogue of rewards, for the staff: make, change and restock them."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.benefits.reward_inputs import RewardTermsInput, terms_message
from services.gateway.benefits.types.rewards import Reward, reward_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import Long


@strawberry.input(description="A reward that is added to the catalogue.")
class CreateRewardInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    reward_id: strawberry.ID = strawberry.field(
        description="Its id in the program, for good: small letters, digits and `_`."
    )
    terms: RewardTermsInput = strawberry.field(description="Its terms.")
    stock: Long | None = strawberry.field(
        default=None, description="How many there are; null when they do not run out, which stays so."
    )


@strawberry.input(description="Other terms of a reward, as its next version.")
class UpdateRewardInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    reward_id: strawberry.ID = strawberry.field(description="Which reward.")
    version: int = strawberry.field(
        description="The version that is changed: another one means that somebody was faster."
    )
    terms: RewardTermsInput = strawberry.field(description="Its terms from now on, all of them.")
    archived: bool = strawberry.field(default=False, description="Whether it is out of the catalogue.")


@strawberry.input(description="What comes to the stock of a reward, or goes from it.")
class RestockRewardInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    reward_id: strawberry.ID = strawberry.field(description="Which reward; one with stock.")
    added: Long = strawberry.field(description="How many come to it; below 0, how many go.")
    explanation: str | None = strawberry.field(
        default=None, description="Why, for the audit log; without personal data."
    )


@strawberry.type(description="The reward is kept.")
class RewardSaved:
    reward: Reward = strawberry.field(description="As it stands.")


CreateRewardResult = Annotated[
    RewardSaved | Refused, strawberry.union("CreateRewardResult", description="The reward, or a refusal.")
]
UpdateRewardResult = Annotated[
    RewardSaved | Refused, strawberry.union("UpdateRewardResult", description="The reward, or a refusal.")
]
RestockRewardResult = Annotated[
    RewardSaved | Refused, strawberry.union("RestockRewardResult", description="The reward, or a refusal.")
]


@strawberry.type
class RewardsMutation:
    @strawberry.mutation(description="Adds a reward to the catalogue.")
    async def create_reward(
        self,
        info: Info,
        input: Annotated[CreateRewardInput, strawberry.argument(description="The reward.")],  # noqa: A002
    ) -> CreateRewardResult | None:
        request = pb.CreateRewardRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            reward_id=input.reward_id,
            terms=terms_message(input.terms),
            stock_count=input.stock,
        )
        answer = await attempted(info.context.clients.rewards.CreateReward(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else RewardSaved(reward=reward_of(answer.reward))

    @strawberry.mutation(
        description="Gives a reward other terms; what is reserved keeps those it was reserved under."
    )
    async def update_reward(
        self,
        info: Info,
        input: Annotated[UpdateRewardInput, strawberry.argument(description="The change.")],  # noqa: A002
    ) -> UpdateRewardResult | None:
        request = pb.UpdateRewardRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            reward_id=input.reward_id,
            version=input.version,
            terms=terms_message(input.terms),
            archived=input.archived,
        )
        answer = await attempted(info.context.clients.rewards.UpdateReward(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else RewardSaved(reward=reward_of(answer.reward))

    @strawberry.mutation(description="Adds to the stock of a reward, or takes off it what is gone.")
    async def restock_reward(
        self,
        info: Info,
        input: Annotated[RestockRewardInput, strawberry.argument(description="How many.")],  # noqa: A002
    ) -> RestockRewardResult | None:
        request = pb.RestockRewardRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            reward_id=input.reward_id,
            added_count=input.added,
            explanation=input.explanation or "",
        )
        answer = await attempted(info.context.clients.rewards.RestockReward(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else RewardSaved(reward=reward_of(answer.reward))
