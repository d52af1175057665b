"""What the graph shows of how a program lets points be earned: rules, multipliers and caps."""

import strawberry

from libs.common import earning_policy as documents
from libs.common.documents import Text
from services.gateway.values import LocalName, Long


@strawberry.type(description="How often something gives points on a business day, and how many.")
class DailyCap:
    times: int | None = strawberry.field(description="At most so often; null when as often as wanted.")
    points: Long | None = strawberry.field(description="At most so many points; null when not capped.")


@strawberry.type(
    description=(
        "How points are earned: so many for each whole unit of money of a purchase, or for each event, "
        "times what multiplies them."
    )
)
class EarningRule:
    key: str = strawberry.field(description="Key of the rule.")
    name: LocalName | None = strawberry.field(description="Name for people, if it has one.")
    event_kind: str = strawberry.field(description="What earns, such as `purchase` or `check_in`.")
    point_type: str | None = strawberry.field(
        description="Key of the type of points that it gives; null where they are those that members redeem."
    )
    unit_minor: Long = strawberry.field(
        description="Minor units of money that count as one; 0 where points are given for the event."
    )
    points_per_unit: Long = strawberry.field(description="Points for each unit.")
    points_per_event: Long = strawberry.field(description="Points for the event itself.")
    min_amount_minor: Long = strawberry.field(description="Smaller purchases earn nothing.")
    condition: str | None = strawberry.field(description="Condition in CEL that events must meet, if any.")
    multiplied: bool = strawberry.field(description="Whether the multipliers count.")
    per_day: DailyCap | None = strawberry.field(description="Cap of its own, if any.")


@strawberry.type(description="What multiplies points, beside the tier.")
class EarningMultiplier:
    key: str = strawberry.field(description="Key of the multiplier.")
    name: LocalName | None = strawberry.field(description="Name for people, if it has one.")
    kind: str = strawberry.field(
        description="`multiplier`, where 13000 gives 30 % more, or `bonus`, where 3000 does."
    )
    bp: int = strawberry.field(description="How much, in basis points.")
    condition: str | None = strawberry.field(description="Condition in CEL that events must meet, if any.")


@strawberry.type(description="A cap that earning rules share.")
class EarningCap:
    key: str = strawberry.field(description="Key of the cap.")
    rules: list[str] = strawberry.field(description="Keys of the rules; all of them when empty.")
    per_day: DailyCap = strawberry.field(description="How much.")


def rules_of(terms: documents.EarningTerms) -> list[EarningRule]:
    """The rules in the order in which they are met."""
    return [
        EarningRule(
            key=rule.key,
            name=_name(rule.name),
            event_kind=rule.event_kind,
            point_type=rule.point_type,
            unit_minor=Long(rule.unit_minor or 0),
            points_per_unit=Long(rule.points_per_unit or 0),
            points_per_event=Long(rule.points_per_event or 0),
            min_amount_minor=Long(rule.min_amount_minor),
            condition=rule.condition or None,
            multiplied=rule.multiplied,
            per_day=None if rule.per_day is None else _daily(rule.per_day),
        )
        for rule in terms.earn
    ]


def multipliers_of(terms: documents.EarningTerms) -> list[EarningMultiplier]:
    """What multiplies points."""
    return [
        EarningMultiplier(
            key=each.key,
            name=_name(each.name),
            kind=each.kind,
            bp=each.bp,
            condition=each.condition or None,
        )
        for each in terms.multipliers
    ]


def caps_of(terms: documents.EarningTerms) -> list[EarningCap]:
    """What rules share."""
    return [EarningCap(key=cap.key, rules=list(cap.rules), per_day=_daily(cap.per_day)) for cap in terms.caps]


def _daily(cap: documents.DailyCap) -> DailyCap:
    return DailyCap(times=cap.times, points=None if cap.points is None else Long(cap.points))


def _name(text: Text | None) -> LocalName | None:
    return None if text is None else LocalName(zh=text.zh, en=text.en)
