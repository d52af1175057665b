"""What the graph shows of a program: its ladders of tiers, what they ask and grant, and its points."""

import strawberry

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common import program as documents
from libs.common.conditions import METRICS, Comparison, comparisons
from libs.common.texts import Locale as Language
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.benefit_terms import TierBenefit, grant_of, name_of
from services.gateway.benefits.types.earning_terms import (
    EarningCap,
    EarningMultiplier,
    EarningRule,
    caps_of,
    multipliers_of,
    rules_of,
)
from services.gateway.values import LocalName, Long


@strawberry.type(description="One thing that a tier asks of a member: a metric against a number.")
class EntryCondition:
    path: str = strawberry.field(
        description=(
            "Where it stands in the tier's rule, as in the rules of decisions: of conditions under one `any` "
            "one is enough, of those under one `all` each is needed; `entry` is the only condition."
        )
    )
    metric: str = strawberry.field(description="What is measured, such as `spend`.")
    fact: str = strawberry.field(description="Name of the fact that it reads.")
    op: str = strawberry.field(description="How it is compared: `>=`, `>`, `<=`, `<` or `==`.")
    value: Long = strawberry.field(
        description="What is asked; money in minor units of the program's currency."
    )


@strawberry.type(description="One step of a ladder.")
class Tier:
    key: str = strawberry.field(description="Key, such as `gold`.")
    name: LocalName = strawberry.field(description="Name for people.")
    rank: int = strawberry.field(description="Place in the tier set, 1 is the lowest.")
    entry: list[EntryCondition] = strawberry.field(
        description="What it asks; empty for what everybody has from the start, and for what is only bought."
    )
    multiplier_bp: int = strawberry.field(
        description="What points are multiplied by, in basis points: 10000 is 1."
    )
    discount_bp: int = strawberry.field(
        description="What is paid of a price, in basis points: 9500 is 5 % off."
    )
    benefits: list[TierBenefit] = strawberry.field(
        description="Benefits that it adds; those of lower tiers are inherited."
    )


@strawberry.type(description="A ladder of tiers on one basis.")
class TierSet:
    key: str = strawberry.field(description="Key, such as `main`.")
    name: LocalName = strawberry.field(description="Name for people.")
    tiers: list[Tier] = strawberry.field(description="From the lowest to the highest.")


@strawberry.type(description="Points of a program that nothing is paid with.")
class PointType:
    key: str = strawberry.field(description="Key, such as `tier_points`.")
    name: LocalName = strawberry.field(description="Name for people.")
    kind: str = strawberry.field(description="`tier`, where they qualify, or `exclusive`.")
    expire_after_months: int | None = strawberry.field(
        description="Months after which they expire; null when they stay."
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
        tier_sets=[
            TierSet(key=each.key, name=name_of(each.name), tiers=_tiers(each)) for each in document.tier_sets
        ],
        points=_points(document.points),
    )


def tier_of(document: documents.Program, *, tier_set: str, tier: str) -> Tier | None:
    """A tier of a program, None when this version does not have it."""
    for each in document.tier_sets:
        if each.key == tier_set:
            return next((step for step in _tiers(each) if step.key == tier), None)
    return None


def tier_names(document: documents.Program, *, tier_set: str, language: Language) -> dict[str, str]:
    """The names of a tier set's tiers in one language, by key."""
    tiers = next((each.tiers for each in document.tier_sets if each.key == tier_set), ())
    return {tier.key: getattr(tier.name, language) for tier in tiers}


def _tiers(tier_set: documents.TierSet) -> list[Tier]:
    return [_tier(tier, rank) for rank, tier in enumerate(tier_set.tiers, start=1)]


def _tier(tier: documents.Tier, rank: int) -> Tier:
    return Tier(
        key=tier.key,
        name=name_of(tier.name),
        rank=rank,
        entry=[] if tier.entry is None else [_condition(*each) for each in comparisons(tier.entry)],
        multiplier_bp=tier.multiplier_bp,
        discount_bp=tier.discount_bp,
        benefits=[grant_of(grant) for grant in tier.benefits],
    )


def _condition(path: str, comparison: Comparison) -> EntryCondition:
    return EntryCondition(
        path=path,
        metric=comparison.metric,
        fact=METRICS[comparison.metric],
        op=comparison.op,
        value=Long(comparison.value),
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
            )
            for each in points.types
        ],
    )
