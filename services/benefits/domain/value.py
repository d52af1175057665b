"""What points are worth: by the program's value of a point, and less where older ones depreciate."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from libs.common.clock import months_later
from libs.common.documents import WHOLE_BP
from libs.common.redemption_policy import Redemption
from services.benefits.domain.ledger import Lot
from services.benefits.domain.posting import soonest_to_expire

# So many points, each worth this share of the value of a new one.
Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Worth:
    """What points of a member are worth in money, in the order in which they are drawn.

    Those behind the last stretch are worth as much as new ones; without
    depreciation there is no stretch.
    """

    redemption: Redemption
    stretches: tuple[Stretch, ...] = ()

    @classmethod
    def of(cls, redemption: Redemption, lots: Iterable[Lot], at: datetime) -> "Worth":
        """Of what lots have left at a time."""
        drawn = soonest_to_expire(lot for lot in lots if lot.usable(at))
        aged = [(lot.remaining, worth_bp(redemption, lot.active_time, at)) for lot in drawn]
        alike = groupby(aged, key=lambda each: each[1])
        return cls(redemption, tuple((sum(points for points, _ in each), bp) for bp, each in alike))

    @property
    def points(self) -> int:
        """How many are counted by age."""
        return sum(points for points, _ in self.stretches)

    def minor(self, points: int) -> int:
        """What the first so many are worth, in minor units, rounded down once for all of them."""
        if not self.stretches:
            return self.redemption.worth_minor(points)
        shares, left = 0, points
        for many, bp in self.stretches:
            shares += min(many, left) * bp
            left -= min(many, left)
        shares += left * WHOLE_BP
        return shares * self.redemption.value_minor // (self.redemption.points * WHOLE_BP)

    def towards(self, amount_minor: int) -> int:
        """The fewest points that are worth as much of an amount as points can be without passing it."""
        if not self.stretches:
            return self.redemption.points_towards(amount_minor)
        new = -(-(amount_minor + 1) * self.redemption.points // self.redemption.value_minor)
        most = self._first(amount_minor + 1, self.points + new) - 1
        return self._first(self.minor(most), most)

    def _first(self, amount_minor: int, most: int) -> int:
        """The fewest points that are worth so much; `most` are."""
        least = 0
        while least < most:
            middle = (least + most) // 2
            if self.minor(middle) >= amount_minor:
                most = middle
            else:
                least = middle + 1
        return least


def worth_bp(redemption: Redemption, since: datetime, at: datetime) -> int:
    """The share of its value that a point which is active since a time has at another."""
    worth = WHOLE_BP
    for step in redemption.depreciation:
        if months_later(since, step.after_months) > at:
            break
        worth = step.worth_bp
    return worth
