"""Mutations of tiers: staff give one by hand, approve what another asked for, and end it."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Protocol

import strawberry

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.common.rpc.time import optional_timestamp
from services.gateway.benefits.types.overrides import TierOverride, TierOverrideReason, override_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import checked_time, wire


@strawberry.input(description="A tier that staff give a member by hand.")
class OverrideTierInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Whose tier: the global id, or `mem_…`.")
    tier_set: str = strawberry.field(description="Key of the tier set.")
    tier: str = strawberry.field(description="Key of the tier.")
    until_time: datetime | None = strawberry.field(
        default=None, description="Until when, by the program's clock; without end when null."
    )
    reason: TierOverrideReason = strawberry.field(description="Why, as the member is told.")
    explanation: str = strawberry.field(description="Why, without personal data.")
    about_decision_id: strawberry.ID | None = strawberry.field(
        default=None, description="The decision that it is about; needed where an appeal was upheld."
    )


@strawberry.input(description="An override that waits.")
class ApproveTierOverrideInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    override_id: strawberry.ID = strawberry.field(description="The override, of somebody else.")


@strawberry.input(description="An override that is to end, or that is not right.")
class EndTierOverrideInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    override_id: strawberry.ID = strawberry.field(description="The override, of anybody.")
    explanation: str = strawberry.field(description="Why, without personal data.")


@strawberry.type(description="The override was asked for, applied, ended or rejected.")
class TierOverridden:
    override: TierOverride = strawberry.field(description="As it stands.")


OverrideTierResult = Annotated[
    TierOverridden | Refused,
    strawberry.union("OverrideTierResult", description="The override, or a refusal."),
]


class _Answer(Protocol):
    @property
    def override(self) -> pb.TierOverride: ...


async def _overridden(call: Awaitable[_Answer]) -> TierOverridden | Refused:
    answer = await attempted(call)
    if isinstance(answer, Refused):
        return answer
    return TierOverridden(override=override_of(answer.override))


@strawberry.type
class TiersMutation:
    @strawberry.mutation(
        description="Gives a tier by hand: a lower one at once; any other waits for somebody else's approval."
    )
    async def override_tier(
        self,
        info: Info,
        input: Annotated[OverrideTierInput, strawberry.argument(description="What, and why.")],  # noqa: A002
    ) -> OverrideTierResult | None:
        request = pb.OverrideTierRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            tier_set=input.tier_set,
            tier=input.tier,
            until_time=optional_timestamp(checked_time(input.until_time)),
            reason=wire(input.reason),
            explanation=input.explanation,
            decision_id=input.about_decision_id or "",
        )
        return await _overridden(info.context.clients.tiers.OverrideTier(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Approves a tier that somebody else gives by hand, and applies it.")
    async def approve_tier_override(
        self,
        info: Info,
        input: Annotated[ApproveTierOverrideInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> OverrideTierResult | None:
        request = pb.ApproveTierOverrideRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            override_id=input.override_id,
        )
        call = info.context.clients.tiers.ApproveTierOverride(request, timeout=WRITE_SECONDS)
        return await _overridden(call)

    @strawberry.mutation(
        description="Ends a tier given by hand, so that rules decide again; one that waits is rejected."
    )
    async def end_tier_override(
        self,
        info: Info,
        input: Annotated[EndTierOverrideInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> OverrideTierResult | None:
        request = pb.EndTierOverrideRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            override_id=input.override_id,
            explanation=input.explanation,
        )
        return await _overridden(info.context.clients.tiers.EndTierOverride(request, timeout=WRITE_SECONDS))
