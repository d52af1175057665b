"""What the graph shows of points in use: what is on hold."""

from datetime import datetime

import strawberry

from laurel.benefits.v1 import tills_pb2
from services.gateway.values import Long, time_of


@strawberry.type(description="Points that are set aside for something which is not settled.")
class PointsHold:
    id: strawberry.ID = strawberry.field(description="Id of the hold.")
    source: str = strawberry.field(description="Who holds them, such as a partner.")
    external_ref: str = strawberry.field(description="What for, such as the number of a check.")
    line: int = strawberry.field(description="Line of it, 0 when it has none.")
    points: Long = strawberry.field(description="How many.")
    point_type: str | None = strawberry.field(description="Of which type; null for the redeemable ones.")
    money_minor: Long = strawberry.field(
        description="What they are worth, in minor units of the program's currency."
    )
    since: datetime | None = strawberry.field(description="Since when.")
    expires: datetime | None = strawberry.field(
        description="When they come back by themselves; null where they do not."
    )


def hold_of(held: tills_pb2.PointsHold) -> PointsHold:
    """A hold as the graph shows it."""
    return PointsHold(
        id=strawberry.ID(held.hold_id),
        source=held.source,
        external_ref=held.external_ref,
        line=held.line,
        points=Long(held.points),
        point_type=held.point_type or None,
        money_minor=Long(held.money_minor),
        since=time_of(held, "since_time"),
        expires=time_of(held, "expires_time"),
    )
