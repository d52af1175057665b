"""Earning in a program document: what gives points, multiplied by what, and how much of it on a day."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from libs.common.conditions import METRICS
from libs.common.documents import NUMBER_MAX, WHOLE_BP, Count, Key, Part, Text, unique
from libs.common.expressions import LENGTH_MAX, Language, NameType
from libs.common.multipliers import (
    MULTIPLIER_MAX_BP,
    FactorKind,
    MultiplierBp,
    Rounding,
    Stacking,
    stacked,
)

# The most that one purchase may cost, in minor units; the proto of events says so too.
AMOUNT_MAX = 10**12
POINTS_OF_AN_EVENT_MAX = 10**12
RULES_MAX = 100
MULTIPLIERS_MAX = 20
CAPS_MAX = 20
# An event asks each of them once at most.
CONDITIONS_MAX = 50

REGISTRATION = "registration"
PURCHASE = "purchase"
EarningKind = Literal[
    "registration",
    "purchase",
    "login",
    "view",
    "interaction",
    "message",
    "share",
    "review",
    "check_in",
    "invite",
    "custom",
]
EARNING_KINDS: tuple[EarningKind, ...] = get_args(EarningKind)

# Of the member all is as it was before the event, as the tier is. Amounts and quantities are not among
# them: a refund changes these, and what a purchase earned must follow it (`min_amount_minor` does).
CONDITION_NAMES: Mapping[str, NameType] = {
    "kind": "string",
    "store": "string",
    "source": "string",
    "attributes": "texts",
    "tier": "string",
    "tiers": "texts",
    **{f"member.{metric}": "int" for metric in METRICS},
    "date": "string",
    "month": "int",
    "day": "int",
    "weekday": "int",
    "hour": "int",
    "birthday": "bool",
    "birthday_month": "bool",
}
CONDITIONS = Language(CONDITION_NAMES)


def _checked(condition: str) -> str:
    if condition:
        CONDITIONS.check(condition)
    return condition


EventCondition = Annotated[str, Field(max_length=LENGTH_MAX), AfterValidator(_checked)]


class DailyCap(Part):
    """How often something gives points on a business day, and how many."""

    times: int | None = Field(default=None, ge=1, le=1_000_000)
    points: int | None = Field(default=None, ge=1, le=NUMBER_MAX)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.times is None and self.points is None:
            raise ValueError("times or points is needed")
        return self


class EarningRule(Part):
    """Points for what members do: for each whole unit of money of a purchase, or for each event.

    Of the type that it names, and else of those that members redeem.
    """

    key: Key
    name: Text | None = None
    event_kind: EarningKind
    point_type: Key | None = None
    unit_minor: int | None = Field(default=None, gt=0, le=NUMBER_MAX)
    points_per_unit: int | None = Field(default=None, gt=0, le=1_000_000)
    points_per_event: int | None = Field(default=None, gt=0, le=1_000_000_000)
    min_amount_minor: Count = 0
    condition: EventCondition = ""
    multiplied: bool = True
    per_day: DailyCap | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        by_amount, by_event = self.unit_minor is not None, self.points_per_event is not None
        if by_amount != (self.points_per_unit is not None) or by_amount == by_event:
            raise ValueError("unit_minor with points_per_unit is needed, or else points_per_event")
        if self.event_kind != PURCHASE and (by_amount or self.min_amount_minor):
            raise ValueError("only purchases have an amount")
        return self

    def base(self, amount_minor: int) -> int:
        """Points before multipliers."""
        if self.unit_minor is None or self.points_per_unit is None:
            return self.points_per_event or 0
        return amount_minor // self.unit_minor * self.points_per_unit


class Multiplier(Part):
    """What multiplies points, beside the tier, while its condition holds.

    `bp` are 13000 where a multiplier gives 30 % more, and 3000 where a bonus does.
    """

    key: Key
    name: Text | None = None
    kind: FactorKind
    bp: MultiplierBp
    condition: EventCondition = ""


class EarningCap(Part):
    """A cap that several rules share; all of them where it names none."""

    key: Key
    rules: tuple[Key, ...] = Field(default=(), max_length=RULES_MAX)
    per_day: DailyCap


class EarningTerms(Part):
    """How points are earned. Rules and caps are met in the order in which they stand."""

    earn: tuple[EarningRule, ...] = Field(max_length=RULES_MAX)
    multipliers: tuple[Multiplier, ...] = Field(default=(), max_length=MULTIPLIERS_MAX)
    stacking: Stacking = "max"
    multiplier_max_bp: MultiplierBp = MULTIPLIER_MAX_BP
    rounding: Rounding = "floor"
    caps: tuple[EarningCap, ...] = Field(default=(), max_length=CAPS_MAX)

    @model_validator(mode="after")
    def _earning_coherent(self) -> Self:
        unique("earning rules", [rule.key for rule in self.earn])
        unique("multipliers", [each.key for each in self.multipliers])
        unique("caps", [cap.key for cap in self.caps])
        known = {rule.key for rule in self.earn}
        for place, cap in enumerate(self.caps):
            if missing := sorted(set(cap.rules) - known):
                raise ValueError(f"caps[{place}].rules names no rule: {', '.join(missing)}")
            types = {rule.point_type for rule in self.earn if not cap.rules or rule.key in cap.rules}
            if cap.per_day.points is not None and len(types) > 1:
                raise ValueError(f"caps[{place}] would add up points of several types; name rules of one")
        conditions = [rule.condition for rule in self.earn] + [each.condition for each in self.multipliers]
        if len([each for each in conditions if each]) > CONDITIONS_MAX:
            raise ValueError(f"earn and multipliers have more than {CONDITIONS_MAX} conditions")
        return self

    @property
    def birthday_counts(self) -> bool:
        """Whether what is earned may depend on the member's birthday."""
        conditions = [rule.condition for rule in self.earn] + [each.condition for each in self.multipliers]
        return any("birthday" in each for each in conditions)

    def caps_of(self, rule: EarningRule) -> Iterator[tuple[str, frozenset[str], DailyCap]]:
        """The caps that a rule is under, its own first: their key, the rules that share them, how much."""
        if rule.per_day is not None:
            yield rule.key, frozenset((rule.key,)), rule.per_day
        for cap in self.caps:
            if not cap.rules or rule.key in cap.rules:
                yield cap.key, frozenset(cap.rules or (each.key for each in self.earn)), cap.per_day

    def capped(self, event_kind: str) -> bool:
        """Whether what an event of this kind earns depends on what was earned before on its day."""
        return any(True for rule in self.earn if rule.event_kind == event_kind for _ in self.caps_of(rule))

    def require_bounded(self, tier_max_bp: int) -> None:
        """Refuse what could give one event more points than books take, at the tier that multiplies most."""
        factors: list[tuple[FactorKind, int]] = [("multiplier", tier_max_bp)]
        factors += [(each.kind, each.bp) for each in self.multipliers]
        raising = [each for each in factors if each[0] == "bonus" or each[1] > WHOLE_BP]
        highest = stacked(raising, self.stacking, self.multiplier_max_bp)
        for kind in EARNING_KINDS:
            rules = [rule for rule in self.earn if rule.event_kind == kind]
            most = sum(rule.base(AMOUNT_MAX) * (highest if rule.multiplied else 1) for rule in rules)
            if most > POINTS_OF_AN_EVENT_MAX:
                raise ValueError(f"one {kind} could earn more than {POINTS_OF_AN_EVENT_MAX} points")
