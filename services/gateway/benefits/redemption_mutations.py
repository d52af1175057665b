"""Mutations of redemptions: redeem, fulfil and cancel, and what the staff give without points."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable
from typing import Annotated, Protocol

import strawberry

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.benefits.types.redemptions import Redemption, redemption_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted

WHOM = "The member: the global id, or the platform's own `mem_…`."
WHICH = "Which redemption: `rdm_…`."
WHY = "Why, up to 500 characters; kept for good, so without personal data."


@strawberry.input(description="A reward that a member wants for points.")
class RedeemRewardInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description=WHOM)
    reward_id: strawberry.ID = strawberry.field(description="Which reward.")


@strawberry.input(description="A redemption that was handed out.")
class FulfilRedemptionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    redemption_id: strawberry.ID = strawberry.field(description=WHICH)


@strawberry.input(description="A redemption that is taken back.")
class CancelRedemptionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    redemption_id: strawberry.ID = strawberry.field(description=WHICH)
    explanation: str | None = strawberry.field(default=None, description=WHY)


@strawberry.input(description="A reward that a member is given without points.")
class GrantRewardInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description=WHOM)
    reward_id: strawberry.ID = strawberry.field(description="Which reward.")
    explanation: str = strawberry.field(description=WHY)


@strawberry.input(description="A grant that somebody else asked for, and that is right.")
class ApproveGrantInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    redemption_id: strawberry.ID = strawberry.field(description=WHICH)
    explanation: str | None = strawberry.field(default=None, description=WHY)


@strawberry.input(description="A grant that somebody else asked for, and that is not right.")
class RejectGrantInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    redemption_id: strawberry.ID = strawberry.field(description=WHICH)
    explanation: str = strawberry.field(description=WHY)


@strawberry.type(description="The redemption is kept.")
class RedemptionSaved:
    redemption: Redemption = strawberry.field(description="As it stands.")


RedeemRewardResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union(
        "RedeemRewardResult",
        description=(
            "What is reserved, or a refusal; its facts number all that stands against it, such as "
            "`obstacle_0_code`."
        ),
    ),
]
FulfilRedemptionResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union("FulfilRedemptionResult", description="The redemption, or a refusal."),
]
CancelRedemptionResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union("CancelRedemptionResult", description="The redemption, or a refusal."),
]
GrantRewardResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union("GrantRewardResult", description="What is reserved or pending, or a refusal."),
]
ApproveGrantResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union("ApproveGrantResult", description="The redemption, or a refusal."),
]
RejectGrantResult = Annotated[
    RedemptionSaved | Refused,
    strawberry.union("RejectGrantResult", description="The redemption, or a refusal."),
]


class _Answer(Protocol):
    @property
    def redemption(self) -> pb.Redemption: ...


async def _saved(call: Awaitable[_Answer]) -> RedemptionSaved | Refused:
    answer = await attempted(call)
    if isinstance(answer, Refused):
        return answer
    return RedemptionSaved(redemption=redemption_of(answer.redemption))


@strawberry.type
class RedemptionsMutation:
    @strawberry.mutation(description="Reserves a reward for a member, and holds its price in points.")
    async def redeem_reward(
        self,
        info: Info,
        input: Annotated[RedeemRewardInput, strawberry.argument(description="Who wants what.")],  # noqa: A002
    ) -> RedeemRewardResult | None:
        request = pb.RedeemRewardRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            reward_id=input.reward_id,
        )
        return await _saved(info.context.clients.rewards.RedeemReward(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Says that a member was given what is reserved; its points are spent.")
    async def fulfil_redemption(
        self,
        info: Info,
        input: Annotated[FulfilRedemptionInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> FulfilRedemptionResult | None:
        request = pb.FulfilRedemptionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            redemption_id=input.redemption_id,
        )
        return await _saved(info.context.clients.rewards.FulfilRedemption(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(
        description=(
            "Takes a redemption back, with its points and its place in the stock; what was fulfilled, the "
            "staff or a partner take back."
        )
    )
    async def cancel_redemption(
        self,
        info: Info,
        input: Annotated[CancelRedemptionInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> CancelRedemptionResult | None:
        request = pb.CancelRedemptionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            redemption_id=input.redemption_id,
            explanation=input.explanation or "",
        )
        return await _saved(info.context.clients.rewards.CancelRedemption(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(
        description="Gives a member a reward without points; a large one waits for a second person."
    )
    async def grant_reward(
        self,
        info: Info,
        input: Annotated[GrantRewardInput, strawberry.argument(description="Who gets what.")],  # noqa: A002
    ) -> GrantRewardResult | None:
        request = pb.GrantRewardRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            reward_id=input.reward_id,
            explanation=input.explanation,
        )
        return await _saved(info.context.clients.rewards.GrantReward(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Approves a grant that somebody else asked for.")
    async def approve_grant(
        self,
        info: Info,
        input: Annotated[ApproveGrantInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> ApproveGrantResult | None:
        request = pb.ApproveGrantRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            redemption_id=input.redemption_id,
            explanation=input.explanation or "",
        )
        return await _saved(info.context.clients.rewards.ApproveGrant(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Rejects a grant that somebody else asked for.")
    async def reject_grant(
        self,
        info: Info,
        input: Annotated[RejectGrantInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> RejectGrantResult | None:
        request = pb.RejectGrantRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            redemption_id=input.redemption_id,
            explanation=input.explanation,
        )
        return await _saved(info.context.clients.rewards.RejectGrant(request, timeout=WRITE_SECONDS))
