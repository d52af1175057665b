"""Benefits in a program document: what each is, what it is made of, and how much of it there is."""

from typing import Literal, Self

from pydantic import Field, model_validator

from libs.common.birthdays import Care
from libs.common.documents import Count, Key, Moment, Part, Text

BenefitKind = Literal["consumption", "points", "service", "identity"]
Period = Literal["day", "week", "month", "quarter", "year", "ever"]


class Quota(Part):
    """How much of a benefit a member has in a period of the program's days; weeks begin on Monday.

    `carry_over` is the most that goes on into the next period of what was left.
    """

    amount: int = Field(ge=1, le=1_000_000)
    unit: Literal["uses", "minutes", "seats"] = "uses"
    period: Period
    carry_over: int = Field(default=0, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.period == "ever" and self.carry_over:
            raise ValueError("what never begins anew has nothing to carry over")
        return self


class Schedule(Part):
    """From when and until before when a benefit may be used; what is not said is no bound."""

    from_time: Moment | None = None
    until_time: Moment | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.from_time is not None and self.until_time is not None and self.from_time >= self.until_time:
            raise ValueError("it ends before it begins")
        return self


class Unlock(Part):
    """A benefit that opens after so many months in a row of a standard, such as a grade of service."""

    standard: Key
    months: int = Field(ge=1, le=60)


class BenefitGrant(Part):
    """A benefit that a tier grants, and its numbers; without `quota` it may be had without end.

    `form` is whether it is worth money to the member, `floating` whether it
    changes with what is there, `cost_minor` what one unit costs the program.
    Without `channels` it is good everywhere. One with `unlock` is the member's
    from the tier on, and open when they have earned it; then it stays open.
    What of `pool` is taken is gone for all members, and the quota says how much
    of it one may have. One with `birthday` is open on the member's birthday, or
    in its month, and counted by the year.
    """

    benefit: Key
    kind: BenefitKind
    name: Text
    params: dict[Key, Count] = Field(default_factory=dict, max_length=50)
    form: Literal["money", "non_money"] = "non_money"
    floating: bool = False
    layer: Literal["core", "added", "emotional", "social"] = "core"
    cost_minor: Count = 0
    channels: tuple[Key, ...] = Field(default=(), max_length=20)
    quota: Quota | None = None
    pool: Quota | None = None
    schedule: Schedule = Schedule()
    birthday: Care | None = None
    unlock: Unlock | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.pool is not None and (self.quota is None or self.quota.unit != self.pool.unit):
            raise ValueError("with a pool, quota says in the same unit how much of it one member may have")
        if self.pool is not None and self.pool.carry_over:
            raise ValueError("a pool carries nothing over")
        yearly = self.quota is not None and self.quota.period == "year" and not self.quota.carry_over
        if self.birthday is not None and not yearly:
            raise ValueError("what is for a birthday has a quota of a year, without carry_over")
        return self
