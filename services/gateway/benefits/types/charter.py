"""What the graph shows of a program's charter: where it holds, its own names, and what it is held to."""

import strawberry

from libs.common import charter_policy
from services.gateway.benefits.types.benefit_terms import name_of
from services.gateway.values import LocalName


@strawberry.type(description="Where a program holds; what is empty is no bound.")
class ProgramScope:
    brands: list[str] = strawberry.field(description="Keys of brands.")
    stores: list[str] = strawberry.field(description="Keys of stores.")
    regions: list[str] = strawberry.field(description="Keys of regions.")


@strawberry.type(description="What a program calls something.")
class NamedLabel:
    key: str = strawberry.field(description="Key, such as `dormant` or `high_value`.")
    name: LocalName = strawberry.field(description="Name for people.")


@strawberry.type(description="What a program calls its groups of members, where it has names of its own.")
class ProgramLabels:
    lifecycle: list[NamedLabel] = strawberry.field(description="The stages of a membership.")
    segments: list[NamedLabel] = strawberry.field(description="The groups by value.")


@strawberry.type(description="A figure that a program is held to, of all members or of a tier.")
class Kpi:
    key: str = strawberry.field(description="Key.")
    name: LocalName = strawberry.field(description="Name for people.")
    metric: str = strawberry.field(description="What is measured, such as `repurchase_rate`.")
    tier_set: str | None = strawberry.field(description="Key of the tier set; null where it is of all.")
    tier_key: str | None = strawberry.field(description="Key of the tier; null where it is of all.")
    op: str = strawberry.field(description="How it is compared: `>=` or `<=`.")
    value_bp: int = strawberry.field(description="The aim, in basis points.")
    action: str = strawberry.field(
        description="Where it is not reached: `alert` tells who runs the program, `report` stays in reports."
    )


def scope_of(scope: charter_policy.Scope) -> ProgramScope:
    """Where a program holds."""
    return ProgramScope(brands=list(scope.brands), stores=list(scope.stores), regions=list(scope.regions))


def labels_of(labels: charter_policy.LocalNames) -> ProgramLabels:
    """The names of a program's groups."""
    return ProgramLabels(
        lifecycle=[NamedLabel(key=key, name=name_of(name)) for key, name in labels.lifecycle.items()],
        segments=[NamedLabel(key=key, name=name_of(name)) for key, name in labels.segments.items()],
    )


def kpi_of(kpi: charter_policy.Kpi) -> Kpi:
    """What a program is held to."""
    return Kpi(
        key=kpi.key,
        name=name_of(kpi.name),
        metric=kpi.metric,
        tier_set=kpi.tier_set,
        tier_key=kpi.tier,
        op=kpi.op,
        value_bp=kpi.value_bp,
        action=kpi.action,
    )
