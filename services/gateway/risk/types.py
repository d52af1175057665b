"""What the graph shows of risk."""

from enum import Enum

import strawberry

from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.values import Verification, known


@strawberry.enum(description="How careful to be with a member.")
class RiskLevel(Enum):
    LOW = strawberry.enum_value(pb.RISK_LEVEL_LOW, description="Nothing is known against them.")
    MEDIUM = strawberry.enum_value(pb.RISK_LEVEL_MEDIUM, description="To be watched.")
    HIGH = strawberry.enum_value(pb.RISK_LEVEL_HIGH, description="Restricted.")


@strawberry.type(description="One part of the integrity score.")
class IntegrityPart:
    code: str = strawberry.field(description="What it is for, such as `UNVERIFIED` or `REPORTS`.")
    points: int = strawberry.field(description="What it adds, or takes when negative.")


@strawberry.type(description="A member's standing: how far they can be trusted, and why.")
class Risk:
    integrity: int = strawberry.field(description="From 0 to 100, the sum of its parts.")
    level: RiskLevel | None = strawberry.field(description="How careful to be.")
    verification: Verification | None = strawberry.field(description="What is known of their identity.")
    reporters_count: int = strawberry.field(description="Distinct reporters whose reports stand.")
    parts: list[IntegrityPart] = strawberry.field(description="How the integrity came about.")


def risk_of(profile: pb.RiskProfile) -> Risk:
    """A profile as the graph shows it."""
    return Risk(
        integrity=profile.integrity,
        level=known(RiskLevel, profile.level),
        verification=known(Verification, profile.verification),
        reporters_count=profile.reporters_count,
        parts=[IntegrityPart(code=part.code, points=part.points) for part in profile.parts],
    )
