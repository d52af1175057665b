"""Situations: all that earning rules read, and whether their conditions and multipliers hold in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from libs.common.birthdays import Birthday, Care
from libs.common.clock import business_date
from libs.common.conditions import METRICS
from libs.common.documents import WHOLE_BP
from libs.common.earning_policy import CONDITIONS
from libs.common.expressions import ConditionFailed, Values
from libs.common.multipliers import FactorKind
from libs.common.program import Program
from services.benefits.domain.earning_caps import Earned
from services.benefits.domain.earning_reasons import CONDITION_FAILED, CONDITION_NOT_MET, Params, params

TIER = "tier"


@dataclass(frozen=True, slots=True)
class Factor:
    """A multiplier or bonus in basis points; `tier` is the tier's own."""

    key: str
    kind: FactorKind
    bp: int


@dataclass(frozen=True, slots=True)
class TriedFactor:
    """A factor, and the reason why it does not hold; empty where it does."""

    factor: Factor
    reason: str = ""
    params: Params = ()


@dataclass(frozen=True)
class Situation:
    """An event, and of the member what was before it: tiers, counts, and what was earned on its day."""

    program: Program
    event_kind: str
    amount_minor: int
    tier: str
    tiers: Mapping[str, str] = field(default_factory=dict)
    occurred_time: datetime | None = None
    store_id: str = ""
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    earned: Earned = field(default_factory=dict)
    birthday: Birthday | None = None

    def unmet(self, condition: str) -> tuple[str, Params]:
        """The reason why a condition does not hold; empty where it does."""
        try:
            held = not condition or self._values.holds(condition)
        except ConditionFailed as failed:
            return CONDITION_FAILED, params(problem=failed)
        return ("", ()) if held else (CONDITION_NOT_MET, ())

    @cached_property
    def tried(self) -> tuple[TriedFactor, ...]:
        """The tier's multiplier, and each of the program's with whether it holds."""
        return tuple(self._tried())

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What holds of them."""
        return tuple(each.factor for each in self.tried if not each.reason)

    @cached_property
    def tier_bp(self) -> int:
        """The multiplier of the tier in the program's first tier set."""
        multipliers = {each.key: each.multiplier_bp for each in self.program.tier_sets[0].tiers}
        return multipliers.get(self.tier, WHOLE_BP)

    def _tried(self) -> Iterator[TriedFactor]:
        yield TriedFactor(Factor(TIER, "multiplier", self.tier_bp))
        for each in self.program.points.multipliers:
            yield TriedFactor(Factor(each.key, each.kind, each.bp), *self.unmet(each.condition))

    def _celebrates(self, care: Care) -> bool:
        """Whether the event is on the member's birthday, or in its month; who told none has none."""
        if self.birthday is None or self.occurred_time is None:
            return False
        day = business_date(self.occurred_time, self.program.time_zone)
        first, end = self.birthday.span(care, day.year)
        return first <= day < end

    @cached_property
    def _values(self) -> Values:
        values: dict[str, object] = {
            "kind": self.event_kind,
            "store": self.store_id,
            "source": self.source,
            "attributes": dict(self.attributes),
            "tier": self.tier,
            "tiers": dict(self.tiers),
            **{f"member.{metric}": self.metrics.get(metric, 0) for metric in METRICS},
            "birthday": self._celebrates("day"),
            "birthday_month": self._celebrates("month"),
        }
        if self.occurred_time is not None:
            local = self.occurred_time.astimezone(ZoneInfo(self.program.time_zone))
            values |= {"date": local.date().isoformat(), "month": local.month, "day": local.day}
            values |= {"weekday": local.isoweekday(), "hour": local.hour}
        return CONDITIONS.values(values)
