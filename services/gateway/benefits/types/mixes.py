"""What the graph shows of mixes: a value divided between cash and service, and which segments were asked."""

import strawberry

from laurel.benefits.v1 import entitlements_pb2 as pb
from services.gateway.benefits.types.earning import EarningReason, reason_of
from services.gateway.values import LocalName, Long


@strawberry.type(description="A segment, and whether the member is in it.")
class TriedSegment:
    segment: str = strawberry.field(description="Key of the segment.")
    condition: str | None = strawberry.field(description="Its condition in CEL; null for everybody else.")
    reason: EarningReason | None = strawberry.field(
        description="Why the member is not in it; null where they are."
    )


@strawberry.type(description="A value divided between cash and service: both together are the whole of it.")
class ValueSplit:
    cash_minor: Long = strawberry.field(description="What is given as cash, rounded as the program says.")
    service_minor: Long = strawberry.field(description="The rest, given as service.")
    currency: str = strawberry.field(description="ISO 4217.")
    segment: str = strawberry.field(description="Key of the segment that decided.")
    name: LocalName = strawberry.field(description="Its name for people.")
    cash_bp: int = strawberry.field(description="Share of cash, in basis points: 4000 is 40 %.")
    service_bp: int = strawberry.field(description="Share of service, in basis points.")
    segments: list[TriedSegment] = strawberry.field(
        description="The segments that were asked, in their order; the last one decided."
    )


def split_of(split: pb.SplitValueResponse) -> ValueSplit:
    """A divided value as the graph shows it."""
    return ValueSplit(
        cash_minor=Long(split.cash_minor),
        service_minor=Long(split.service_minor),
        currency=split.currency,
        segment=split.segment,
        name=LocalName(zh=split.name_zh, en=split.name_en),
        cash_bp=split.cash_bp,
        service_bp=split.service_bp,
        segments=[
            TriedSegment(
                segment=each.segment,
                condition=each.condition or None,
                reason=reason_of(each.reason) if each.HasField("reason") else None,
            )
            for each in split.segments
        ],
    )
