"""What the graph shows of a program: its ladders of tiers, what they ask and grant, and its points."""

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common import program as documents
from libs.common.redemption_policy import Payment
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.benefit_terms import name_of
from services.gateway.benefits.types.charter import (
    Kpi,
    ProgramLabels,
    ProgramScope,
    kpi_of,
    labels_of,
    scope_of,
)
from services.gateway.benefits.types.earning_terms import (
    EarningCap,
    EarningMultiplier,
    EarningRule,
    caps_of,
    multipliers_of,
    rules_of,
)
from services.gateway.benefits.types.tier_sets import TierSet, tier_sets_of
from services.gateway.values import LocalName, Long


@strawberry.type(description="What points are worth at tills, and how few may be redeemed at a time.")
class PointsPayment:
    value_minor: int = strawberry.field(description="So much money, in minor units, …")
    points: int = strawberry.field(description="… for so many points.")
    min_points: Long = strawberry.field(description="The fewest that may be redeemed at a time.")


@strawberry.type(description="Points of a program beside the redeemable ones.")
class PointType:
    key: str = strawberry.field(description="Key, such as `tier_points`.")
    name: LocalName = strawberry.field(description="Name for people.")
    kind: str = strawberry.field(description="`tier`, where they qualify, or `exclusive`.")
    expire_after_months: int | None = strawberry.field(
        description="Months after which they expire; null when they stay."
    )
    payment: PointsPayment | None = strawberry.field(
        description="What rewards and tills may take of them; null where nothing is paid with them."
    )


@strawberry.type(description="The redeemable points of a program.")
class PointsPolicy:
    currency: str = strawberry.field(description="Key of the points, such as `points`.")
    name: LocalName = strawberry.field(description="Name for people.")
    earn: list[EarningRule] = strawberry.field(description="How they are earned, in the order of the rules.")
    multipliers: list[EarningMultiplier] = strawberry.field(
        description="What multiplies them, beside the tier."
    )
    stacking: str = strawberry.field(
        description="How multipliers that hold at once are joined: `max`, `sum` or `product`."
    )
    multiplier_max_bp: int = strawberry.field(description="The most that they multiply by together.")
    rounding: str = strawberry.field(description="How points are rounded: `floor` or `half_up`.")
    caps: list[EarningCap] = strawberry.field(description="Caps that rules share.")
    expire_after_months: int | None = strawberry.field(
        description="Months after which they expire; null when they stay."
    )
    types: list[PointType] = strawberry.field(description="The other points of the program.")


@strawberry.type(description="A membership program in its live version.")
class Program:
    key: str = strawberry.field(description="Key of the program.")
    version: int = strawberry.field(description="Version that decides now: 1, 2, 3, …")
    digest: str = strawberry.field(description="SHA-256 of the program document as canonical JSON.")
    name: LocalName = strawberry.field(description="Name for people.")
    currency: str = strawberry.field(description="Currency of its money, as in ISO 4217.")
    time_zone: str = strawberry.field(description="Time zone of its business days.")
    tier_sets: list[TierSet] = strawberry.field(description="Its ladders of tiers.")
    points: PointsPolicy = strawberry.field(description="Its redeemable points.")
    industry: str = strawberry.field(description="What kind of business it is for, such as `ecommerce`.")
    scope: ProgramScope = strawberry.field(description="Where it holds.")
    labels: ProgramLabels = strawberry.field(description="What it calls its groups of members.")
    kpis: list[Kpi] = strawberry.field(description="What it is held to.")


def program_of(message: pb.Program) -> Program:
    """A program as the graph shows it."""
    document = parsed(message.document)
    return Program(
        key=document.key,
        version=message.version,
        digest=message.digest,
        name=name_of(document.name),
        currency=document.currency,
        time_zone=document.time_zone,
        tier_sets=tier_sets_of(document),
        points=_points(document.points),
        industry=document.industry,
        scope=scope_of(document.scope),
        labels=labels_of(document.labels),
        kpis=[kpi_of(each) for each in document.kpis],
    )


def _points(points: documents.Points) -> PointsPolicy:
    return PointsPolicy(
        currency=points.currency,
        name=name_of(points.name),
        earn=rules_of(points),
        multipliers=multipliers_of(points),
        stacking=points.stacking,
        multiplier_max_bp=points.multiplier_max_bp,
        rounding=points.rounding,
        caps=caps_of(points),
        expire_after_months=points.expire_after_months,
        types=[
            PointType(
                key=each.key,
                name=name_of(each.name),
                kind=each.kind,
                expire_after_months=each.expire_after_months,
                payment=None if each.pays is None else _payment(each.pays),
            )
            for each in points.types
        ],
    )


def _payment(payment: Payment) -> PointsPayment:
    return PointsPayment(
        value_minor=payment.value_minor, points=payment.points, min_points=Long(payment.min_points)
    )
