"""Mutations of points: members pass them on, the staff adjust them."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Awaitable
from typing import Annotated, Protocol

import strawberry

from laurel.benefits.v1 import points_pb2 as pb
from services.gateway.benefits.types.adjustments import Adjustment, adjustment_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import Long


@strawberry.input(description="Points that a member passes on.")
class TransferPointsInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(
        description="The member, who is the caller: the global id, or the platform's own `mem_…`."
    )
    to_member_id: strawberry.ID = strawberry.field(description="Who gets them, of the same program.")
    points: Long = strawberry.field(description="How many.")


@strawberry.type(description="The points were passed on.")
class PointsTransferred:
    transfer_id: strawberry.ID = strawberry.field(description="Id of the transfer.")
    points: Long = strawberry.field(description="How many.")
    available: Long = strawberry.field(description="What the member may spend after it.")


@strawberry.input(description="Points that the staff give to a member, or take from them.")
class AdjustPointsInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(description="Whose points: the global id, or `mem_…`.")
    points: Long = strawberry.field(description="How many; what is below 0 is taken.")
    reason: str = strawberry.field(description="Why, without personal data.")


@strawberry.input(description="An adjustment that waits.")
class ApproveAdjustmentInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    adjustment_id: strawberry.ID = strawberry.field(description="The adjustment, of somebody else.")


@strawberry.input(description="An adjustment that is not right, or that its asker withdraws.")
class RejectAdjustmentInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    adjustment_id: strawberry.ID = strawberry.field(description="The adjustment, of anybody.")
    reason: str = strawberry.field(description="Why, without personal data.")


@strawberry.type(description="The adjustment was asked for, applied or rejected.")
class PointsAdjusted:
    adjustment: Adjustment = strawberry.field(description="As it stands.")


TransferPointsResult = Annotated[
    PointsTransferred | Refused,
    strawberry.union("TransferPointsResult", description="The transfer, or a refusal."),
]
AdjustPointsResult = Annotated[
    PointsAdjusted | Refused,
    strawberry.union("AdjustPointsResult", description="The adjustment, or a refusal."),
]


class _Answer(Protocol):
    @property
    def adjustment(self) -> pb.Adjustment: ...


async def _adjusted(call: Awaitable[_Answer]) -> PointsAdjusted | Refused:
    answer = await attempted(call)
    if isinstance(answer, Refused):
        return answer
    return PointsAdjusted(adjustment=adjustment_of(answer.adjustment))


@strawberry.type
class PointsMutation:
    @strawberry.mutation(description="Passes points on to another member, where the program allows it.")
    async def transfer_points(
        self,
        info: Info,
        input: Annotated[TransferPointsInput, strawberry.argument(description="What to whom.")],  # noqa: A002
    ) -> TransferPointsResult | None:
        request = pb.TransferPointsRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            to_member_id=member_key(input.to_member_id),
            points=input.points,
        )
        answer = await attempted(info.context.clients.points.TransferPoints(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return PointsTransferred(
            transfer_id=strawberry.ID(answer.transfer_id),
            points=Long(answer.points),
            available=Long(answer.available_points),
        )

    @strawberry.mutation(
        description="Gives points or takes them; above what one person may do on a day, it waits for another."
    )
    async def adjust_points(
        self,
        info: Info,
        input: Annotated[AdjustPointsInput, strawberry.argument(description="What, and why.")],  # noqa: A002
    ) -> AdjustPointsResult | None:
        request = pb.AdjustPointsRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            points=input.points,
            reason=input.reason,
        )
        return await _adjusted(info.context.clients.points.AdjustPoints(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Approves what somebody else asked for, and moves the points.")
    async def approve_adjustment(
        self,
        info: Info,
        input: Annotated[ApproveAdjustmentInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> AdjustPointsResult | None:
        request = pb.ApproveAdjustmentRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            adjustment_id=input.adjustment_id,
        )
        return await _adjusted(info.context.clients.points.ApproveAdjustment(request, timeout=WRITE_SECONDS))

    @strawberry.mutation(description="Rejects what somebody asked for; who asked for it withdraws it so.")
    async def reject_adjustment(
        self,
        info: Info,
        input: Annotated[RejectAdjustmentInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> AdjustPointsResult | None:
        request = pb.RejectAdjustmentRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            adjustment_id=input.adjustment_id,
            reason=input.reason,
        )
        return await _adjusted(info.context.clients.points.RejectAdjustment(request, timeout=WRITE_SECONDS))
