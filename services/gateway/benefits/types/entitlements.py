"""What the graph shows of the benefits that a member has."""

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from services.gateway.benefits.types.programs import BenefitKind, numbers_of
from services.gateway.values import LocalName, NamedNumber, known


@strawberry.type(description="A benefit that a member has by their tier.")
class Benefit:
    key: str = strawberry.field(description="Key, such as `free_shipping`.")
    kind: BenefitKind | None = strawberry.field(description="What it is about.")
    name: LocalName = strawberry.field(description="Name for people.")
    tier_set: str = strawberry.field(description="Key of the tier set that grants it.")
    granted_by_tier: str = strawberry.field(description="Key of the tier in whose list it stands.")
    inherited: bool = strawberry.field(description="Whether that tier is below the member's own.")
    params: list[NamedNumber] = strawberry.field(description="Its numbers, if it has any.")


def benefit_of(entitlement: pb.Entitlement) -> Benefit:
    """An entitlement as the graph shows it."""
    return Benefit(
        key=entitlement.benefit,
        kind=known(BenefitKind, entitlement.kind),
        name=LocalName(zh=entitlement.name_zh, en=entitlement.name_en),
        tier_set=entitlement.tier_set,
        granted_by_tier=entitlement.granted_by_tier,
        inherited=entitlement.inherited,
        params=numbers_of(entitlement.params),
    )
