"""Movement of a tier set in a program document: when members move, and seasons in which less is asked for."""

from typing import Literal, Self

from pydantic import Field, model_validator

from libs.common.documents import WHOLE_BP, Key, Moment, Part, Text


class Period(Part):
    """How long a tier is held before it is looked at again.

    To the end of the calendar's month, quarter or year, of the one after so
    many `more`; or, `rolling`, for so many months from the day that it was given.
    """

    kind: Literal["month", "quarter", "year", "rolling"]
    more: int = Field(default=0, ge=0, le=12)
    months: int | None = Field(default=None, ge=1, le=120)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.kind == "rolling") != (self.months is not None):
            raise ValueError("a rolling period has months, and no other has")
        if self.kind == "rolling" and self.more:
            raise ValueError("a rolling period has no more: its months say how long it is")
        return self


class Season(Part):
    """A time, such as a great sale, in which thresholds of money are `factor_bp` of what they are."""

    key: Key
    name: Text
    from_time: Moment
    to_time: Moment
    factor_bp: int = Field(ge=1, le=10 * WHOLE_BP)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.from_time >= self.to_time:
            raise ValueError("from_time comes before to_time")
        return self


class ReviewGate(Part):
    """Whom risk looks at first: an upgrade of one with less integrity than this is held."""

    integrity_below: int = Field(ge=1, le=WHOLE_BP)


class Movement(Part):
    """When tiers change, and from where on a member counts as near the next one.

    At the end of a period a tier that is no longer met goes: to what is met
    (`period_end`), or down by `max_step_down` at most (`step_down`), after
    `grace_days` in which it may be met again. `new_version` says what becomes
    of those who do not meet a tier by the rules of a new version: they move at
    once, or keep it until their period ends.
    """

    upgrade: Literal["realtime", "scheduled"] = "realtime"
    downgrade: Literal["never", "period_end", "step_down"] = "never"
    max_step_down: int = Field(default=1, ge=1, le=100)
    period: Period | None = None
    grace_days: int = Field(default=0, ge=0, le=366)
    new_version: Literal["keep", "apply"] = "keep"
    review_gate: ReviewGate | None = None
    near_upgrade_bp: int = Field(default=8000, ge=1, le=WHOLE_BP)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        timed = self.upgrade == "scheduled" or self.downgrade != "never"
        if timed and self.period is None:
            raise ValueError("a period says when tiers are looked at again")
        if self.period is not None and not timed:
            raise ValueError("nothing changes at the end of the period")
        if self.grace_days and self.downgrade == "never":
            raise ValueError("grace_days without downgrades")
        return self
