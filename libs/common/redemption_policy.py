"""The parts of a program's points that say what members may redeem and pass on, and what staff may adjust."""

from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from libs.common.documents import NUMBER_MAX, WHOLE_BP, Part

DAY_MINUTES = 24 * 60
# The most points at a time; so what they are worth stays below what a database counts to.
POINTS_MAX = 10**12
VALUE_MAX = 10**6
REDEMPTIONS_OF_A_DAY_MAX = 10_000


class Depreciation(Part):
    """From so many months after points became active on, each is worth so much of its value."""

    after_months: int = Field(ge=1, le=1200)
    worth_bp: int = Field(ge=0, lt=WHOLE_BP)


class Payment(Part):
    """What points pay: `value_minor` of money for each `points`, and at least so many at a time."""

    value_minor: int = Field(default=1, ge=1, le=VALUE_MAX)
    points: int = Field(default=1, ge=1, le=VALUE_MAX)
    min_points: int = Field(default=1, ge=1, le=POINTS_MAX)


class Redemption(Payment):
    """What redeemed points are worth, and how much may be redeemed.

    `value_minor` of money for each `points`. `daily_cap_minor` is money per
    member and business day, over all channels together. What is given back to
    points that have ended meanwhile lives for `returned_days`. A till's
    hold ends by itself after `hold_minutes`. By `depreciation` older points are
    worth less; they stay as many.
    """

    daily_cap_minor: int = Field(default=500_000, ge=0, le=NUMBER_MAX)
    per_day_max: int = Field(default=100, ge=1, le=REDEMPTIONS_OF_A_DAY_MAX)
    returned_days: int = Field(default=30, ge=1, le=3650)
    hold_minutes: int = Field(default=30, ge=1, le=31 * DAY_MINUTES)
    depreciation: tuple[Depreciation, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _stepped(self) -> Self:
        steps = [(each.after_months, -each.worth_bp) for each in self.depreciation]
        if any(one[0] >= other[0] or one[1] >= other[1] for one, other in pairwise(steps)):
            raise ValueError("the steps of depreciation ascend in months and descend in worth")
        return self

    def of(self, payment: Payment) -> Self:
        """The same limits for points that pay otherwise, and do not depreciate."""
        return self.model_copy(update={**dict(payment), "depreciation": ()})

    def worth_minor(self, points: int) -> int:
        """What so many points are worth in money, rounded down."""
        return points * self.value_minor // self.points

    def points_towards(self, amount_minor: int) -> int:
        """The fewest points that are worth as much of an amount as points can be without passing it."""
        most_minor = self.worth_minor(((amount_minor + 1) * self.points - 1) // self.value_minor)
        return -(-most_minor * self.points // self.value_minor)


class Transfers(Part):
    """How many points a member may pass on to others: at least so many at a time, at most so many a day."""

    min_points: int = Field(default=1, ge=1, le=POINTS_MAX)
    daily_max_points: int = Field(default=10_000, ge=1, le=POINTS_MAX)


class Adjustments(Part):
    """How many points one person of the staff may give and take on a day alone; above it takes two."""

    alone_daily_points: int = Field(default=10_000, ge=0, le=POINTS_MAX)
