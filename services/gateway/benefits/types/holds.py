"""What the graph shows of points in use: what is on hold, and what the staff adjust."""

from datetime import datetime
from enum import Enum

import strawberry

from laurel.benefits.v1 import points_pb2, tills_pb2
from services.gateway.values import Long, known, time_of


@strawberry.type(description="Points that are set aside for something which is not settled.")
class PointsHold:
    id: strawberry.ID = strawberry.field(description="Id of the hold.")
    source: str = strawberry.field(description="Who holds them, such as a partner.")
    external_ref: str = strawberry.field(description="What for, such as the number of a check.")
    line: int = strawberry.field(description="Line of it, 0 when it has none.")
    points: Long = strawberry.field(description="How many.")
    money_minor: Long = strawberry.field(
        description="What they are worth, in minor units of the program's currency."
    )
    since: datetime | None = strawberry.field(description="Since when.")
    expires: datetime | None = strawberry.field(
        description="When they come back by themselves; null where they do not."
    )


@strawberry.enum(description="What became of an adjustment.")
class AdjustmentState(Enum):
    PENDING = strawberry.enum_value(
        points_pb2.ADJUSTMENT_STATE_PENDING, description="Waits for somebody else to approve it."
    )
    APPLIED = strawberry.enum_value(points_pb2.ADJUSTMENT_STATE_APPLIED, description="Posted.")
    REJECTED = strawberry.enum_value(
        points_pb2.ADJUSTMENT_STATE_REJECTED, description="Rejected, or withdrawn."
    )


@strawberry.type(description="Points that the staff give to a member, or take from them.")
class Adjustment:
    id: strawberry.ID = strawberry.field(description="Id of the adjustment.")
    points: Long = strawberry.field(description="What is given, or taken when negative.")
    reason: str = strawberry.field(description="Why.")
    state: AdjustmentState | None = strawberry.field(description="What became of it.")
    asked_by: str = strawberry.field(description="Who asked for it.")
    decided_by: str | None = strawberry.field(
        description="Who approved or rejected it; null before, and where nobody had to."
    )
    transaction_id: strawberry.ID | None = strawberry.field(
        description="The ledger transaction, when it was applied."
    )


def hold_of(held: tills_pb2.PointsHold) -> PointsHold:
    """A hold as the graph shows it."""
    return PointsHold(
        id=strawberry.ID(held.hold_id),
        source=held.source,
        external_ref=held.external_ref,
        line=held.line,
        points=Long(held.points),
        money_minor=Long(held.money_minor),
        since=time_of(held, "since_time"),
        expires=time_of(held, "expires_time"),
    )


def adjustment_of(adjustment: points_pb2.Adjustment) -> Adjustment:
    """An adjustment as the graph shows it."""
    transaction_id = adjustment.transaction_id
    return Adjustment(
        id=strawberry.ID(adjustment.adjustment_id),
        points=Long(adjustment.points),
        reason=adjustment.reason,
        state=known(AdjustmentState, adjustment.state),
        asked_by=adjustment.asked_by,
        decided_by=adjustment.decided_by or None,
        transaction_id=strawberry.ID(transaction_id) if transaction_id else None,
    )
