"""What the graph shows of adjustments: points that the staff give or take, and those that wait for two."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.benefits.v1 import points_pb2 as pb
from services.gateway.pages import cursors, page_info
from services.gateway.values import Long, known, time_of


@strawberry.enum(description="What became of an adjustment.")
class AdjustmentState(Enum):
    PENDING = strawberry.enum_value(
        pb.ADJUSTMENT_STATE_PENDING, description="Waits for somebody else to approve it."
    )
    APPLIED = strawberry.enum_value(pb.ADJUSTMENT_STATE_APPLIED, description="Posted.")
    REJECTED = strawberry.enum_value(pb.ADJUSTMENT_STATE_REJECTED, description="Rejected, or withdrawn.")


@strawberry.type(description="Points that the staff give to a member, or take from them.")
class Adjustment:
    id: strawberry.ID = strawberry.field(description="Id of the adjustment.")
    member_id: strawberry.ID = strawberry.field(description="Whose points: `mem_…`.")
    points: Long = strawberry.field(description="What is given, or taken when negative.")
    reason: str = strawberry.field(description="Why.")
    state: AdjustmentState | None = strawberry.field(description="What became of it.")
    asked_by: str = strawberry.field(description="Who asked for it.")
    asked_time: datetime | None = strawberry.field(description="When it was asked for.")
    decided_by: str | None = strawberry.field(
        description="Who approved or rejected it; null before, and where nobody had to."
    )
    decided_time: datetime | None = strawberry.field(description="When it was applied or rejected.")
    transaction_id: strawberry.ID | None = strawberry.field(
        description="The ledger transaction, when it was applied."
    )


@strawberry.type(description="An adjustment in a list.")
class AdjustmentEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Adjustment = strawberry.field(description="The adjustment.")


@strawberry.type(description="A page of adjustments.")
class AdjustmentConnection:
    edges: list[AdjustmentEdge] = strawberry.field(description="The adjustments with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def adjustment_of(adjustment: pb.Adjustment) -> Adjustment:
    """An adjustment as the graph shows it."""
    transaction_id = adjustment.transaction_id
    return Adjustment(
        id=strawberry.ID(adjustment.adjustment_id),
        member_id=strawberry.ID(adjustment.member_id),
        points=Long(adjustment.points),
        reason=adjustment.reason,
        state=known(AdjustmentState, adjustment.state),
        asked_by=adjustment.asked_by,
        asked_time=time_of(adjustment, "asked_time"),
        decided_by=adjustment.decided_by or None,
        decided_time=time_of(adjustment, "decided_time"),
        transaction_id=strawberry.ID(transaction_id) if transaction_id else None,
    )


def page_of_adjustments(
    page: pb.ListPendingAdjustmentsResponse, page_token: str, after: str | None
) -> AdjustmentConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.adjustments))
    return AdjustmentConnection(
        edges=[
            AdjustmentEdge(cursor=cursor, node=adjustment_of(each))
            for cursor, each in zip(places, page.adjustments, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )
