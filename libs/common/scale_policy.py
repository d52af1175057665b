"""Scales of facts: how the value of a fact becomes points, which way it counts, and how it ages."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from libs.common.documents import WHOLE_BP, Count, Key, Part, Text

_DAYS = re.compile(r"[a-z_]+\.days_since_(first|last)")


def counts_days(fact: str) -> bool:
    """Whether a fact is the days since something; it is missing where that never happened."""
    return _DAYS.fullmatch(fact) is not None


def _days_fact(fact: str) -> str:
    if not counts_days(fact):
        raise ValueError("is none of the facts <kind>.days_since_last and <kind>.days_since_first")
    return fact


FactName = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", max_length=96)]
DaysFact = Annotated[FactName, AfterValidator(_days_fact)]
Weight = Annotated[int, Field(ge=0, le=WHOLE_BP)]


class CutScale(Part):
    """Quantiles, or other cuts: the more of them lie below a value, the more points."""

    kind: Literal["cuts"]
    cuts: tuple[Count, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.cuts) != sorted(self.cuts):
            raise ValueError("the cuts ascend")
        return self


class LinearScale(Part):
    """No points up to `low`, all of them from `high` on, and a straight line between."""

    kind: Literal["linear"]
    low: Count = 0
    high: Count

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low is below high")
        return self


class LogisticScale(Part):
    """An S: half of the points at `midpoint`, 73 % one `spread` above it. The slope is 1 / spread."""

    kind: Literal["logistic"]
    midpoint: Count
    spread: Annotated[Count, Field(ge=1)]


def _kind(scale: Any) -> str | None:
    kind = scale.get("kind") if isinstance(scale, dict) else getattr(scale, "kind", None)
    return f"<{kind}>" if isinstance(kind, str) else None


Scale = Annotated[
    Annotated[CutScale, Tag("<cuts>")]
    | Annotated[LinearScale, Tag("<linear>")]
    | Annotated[LogisticScale, Tag("<logistic>")],
    Discriminator(
        _kind,
        custom_error_type="scale",
        custom_error_message="kind is none of cuts, linear and logistic",
    ),
]


class Decay(Part):
    """What is older weighs less: half as much after each half-life since it was last done."""

    age_fact: DaysFact
    half_life_days: int = Field(ge=1, le=3650)


class Per(Part):
    """What a fact is divided by, after it is taken so many times: 100 for a share in percent."""

    fact: FactName
    times: int = Field(default=1, ge=1, le=1000)


class Dimension(Part):
    """One fact, or one by another, as points of 0 to 100. `down`: the less, the more points."""

    key: Key
    name: Text
    fact: FactName
    per: Per | None = None
    scale: Scale
    direction: Literal["up", "down"] = "up"
    weight_bp: Weight | None = None
    decay: Decay | None = None
