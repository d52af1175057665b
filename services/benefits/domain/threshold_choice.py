"""Which value of a threshold pays best: what each costs and brings, and what each step looser adds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.benefits.domain.simulation_results import YEAR_DAYS, Cost, Money, Return
from services.benefits.domain.simulation_tallies import LadderTally, MoneyTally, Walks
from services.benefits.domain.thresholds import LeftOut, Threshold


@dataclass(frozen=True, slots=True)
class Scale:
    """How figures of those who were walked become figures of all members."""

    total: int
    walked: int

    def of(self, figure: int) -> int:
        """A figure of all, rounded down."""
        return figure * self.total // self.walked if self.walked else figure


@dataclass(frozen=True, slots=True)
class Figures:
    """What a value comes to in a year; `low` and `high` are against the live one."""

    value: int
    members: int
    gaining: int
    losing: int
    cost: Cost
    low: Return
    high: Return

    @property
    def margin_minor(self) -> int:
        """At the middle of the range."""
        return (self.low.margin_minor + self.high.margin_minor) // 2

    @property
    def net_minor(self) -> int:
        """Margin at the middle of the range, less cost."""
        return self.margin_minor - self.low.cost_minor


@dataclass(frozen=True, slots=True)
class Step:
    """What is added from one value to a looser one: the marginal benefit."""

    added: int
    margin_minor: int
    cost_minor: int

    @property
    def net_minor(self) -> int:
        """What is left."""
        return self.margin_minor - self.cost_minor

    @property
    def net_per_member_minor(self) -> int | None:
        """For each member who is in the tier or above besides; None where nobody is."""
        return self.net_minor // self.added if self.added > 0 else None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a tier had better ask for: `figures` are from the strictest value to the loosest."""

    threshold: Threshold
    figures: tuple[Figures, ...]
    left_out: tuple[LeftOut, ...]
    chosen_value: int

    @property
    def changed(self) -> bool:
        """Whether another value is better than the live one."""
        return self.chosen_value != self.threshold.asked.value

    @property
    def chosen(self) -> Figures:
        """What the value comes to that was chosen."""
        return next(each for each in self.figures if each.value == self.chosen_value)

    @property
    def steps(self) -> list[Step]:
        """From each value to the next, looser one."""
        return [
            Step(
                looser.members - stricter.members,
                looser.margin_minor - stricter.margin_minor,
                looser.low.cost_minor - stricter.low.cost_minor,
            )
            for stricter, looser in pairwise(self.figures)
        ]


def at_stake(counted: MoneyTally, walks: Walks, tier_set: str) -> MoneyTally:
    """What those spent who stand lower or higher in a tier set, which need not be the first one."""
    before, after = walks.live[tier_set].ranks[-1], walks.draft[tier_set].ranks[-1]
    spent = list(zip(before, after, walks.spent_in_year, strict=True))
    return replace(
        counted,
        stake=sum(amount for one, other, amount in spent if other < one),
        gaining=sum(amount for one, other, amount in spent if other > one),
    )


def figures_of(value: int, rank: int, ladder: LadderTally, money: Money, scale: Scale) -> Figures:
    """What a value of the tier at a rank comes to, of what members come to by the live value and by it."""
    live, cost = (_yearly(each, money.days, scale) for each in (money.live, money.draft))
    more = cost.total_minor - live.total_minor
    low, high = (
        Return(scale.of(each.revenue_minor), scale.of(each.margin_minor), more)
        for each in (money.low, money.high)
    )
    return Figures(
        value=value,
        members=scale.of(sum(ladder.draft.tiers[-1][rank:])),
        gaining=scale.of(ladder.gaining),
        losing=scale.of(ladder.losing),
        cost=cost,
        low=low,
        high=high,
    )


def _yearly(cost: Cost, days: int, scale: Scale) -> Cost:
    points, *amounts = (
        scale.of(each) * YEAR_DAYS // days if days else 0
        for each in (cost.points, cost.liability_minor, cost.benefits_minor, cost.discounts_minor)
    )
    return Cost(points, *amounts)


def suggested(threshold: Threshold, figures: Sequence[Figures], left_out: Sequence[LeftOut]) -> Suggestion:
    """The value of the highest net: no step from it, to looser or to stricter values, adds anything.

    Where each step to a looser value adds less than the one before, that is
    the loosest whose step does not lose. Of equal ones the live value stays;
    is it not among them, the loosest is best for members.
    """
    live = threshold.asked.value
    best = max(each.net_minor for each in figures)
    equal = [each.value for each in figures if each.net_minor == best]
    return Suggestion(threshold, tuple(figures), tuple(left_out), live if live in equal else equal[-1])
