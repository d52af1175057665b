"""Fairness: whether groups of members reach tiers alike, told so that small groups cannot be worked out.

A group that is too small is told together with others alone, and never one
group by itself: what is missing from a table is known from its totals.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.fairness_policy import Fairness
from services.benefits.domain.rates import Rate, compared, rate

GROUPS_TOLD_MAX = 50
# Of an attribute, so that what is counted stays small; who has another value is among the others.
VALUES_MAX = 10_000
OTHERS = "\x00"


@dataclass(slots=True)
class Population:
    """How many members of each group have earned which tier; `ranks` are places of tiers, by tier set.

    Only who has a standing in each tier set counts: so groups are as large in
    one as in the other, and nobody is known by the difference.
    """

    ranks: Mapping[str, Mapping[str, int]]
    attributes: Sequence[str]
    members: int = 0
    _sizes: dict[str, Counter[str]] = field(default_factory=dict)
    _ranked: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    _all: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, tiers: Mapping[str, str], values: Sequence[str]) -> None:
        """Count a member by the tier earned in each tier set, and by their value of each attribute."""
        if not all(tiers.get(tier_set) in ranks for tier_set, ranks in self.ranks.items()):
            return
        self.members += 1
        placed = [(tier_set, ranks[tiers[tier_set]]) for tier_set, ranks in self.ranks.items()]
        self._all.update(placed)
        for attribute, value in zip(self.attributes, values, strict=True):
            sizes = self._sizes.setdefault(attribute, Counter())
            group = value if value in sizes or len(sizes) < VALUES_MAX else OTHERS
            sizes[group] += 1
            for tier_set, rank in placed:
                self._ranked[tier_set, attribute, group, rank] += 1

    def sizes(self, attribute: str) -> Mapping[str, int]:
        """How many members each group of an attribute has."""
        return self._sizes.get(attribute, {})

    def holding(self, tier_set: str, attribute: str, groups: Iterable[str]) -> list[int]:
        """How many of some groups hold each tier or a higher one, the first tier included."""
        wanted = list(groups)
        return _at_least(
            [
                sum(self._ranked[tier_set, attribute, each, rank] for each in wanted)
                for rank in self._of(tier_set)
            ]
        )

    def everybody(self, tier_set: str) -> list[int]:
        """How many of all members hold each tier or a higher one."""
        return _at_least([self._all[tier_set, rank] for rank in self._of(tier_set)])

    def _of(self, tier_set: str) -> range:
        return range(max(self.ranks[tier_set].values()) + 1)


def _at_least(counts: Sequence[int]) -> list[int]:
    """Of each place, the sum from it on."""
    return [sum(counts[place:]) for place in range(len(counts))]


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its rates, one per tier above the first."""

    value: str
    members: int
    rates: Sequence[Rate]


@dataclass(frozen=True, slots=True)
class Audit:
    """The groups of an attribute in a tier set; `pooled` are those that are too small, in one."""

    tier_set: str
    attribute: str
    everybody: Group
    groups: Sequence[Group]
    pooled: Group | None
    pooled_groups: int

    @property
    def suppressed(self) -> bool:
        """Whether there are groups, and none may be told."""
        return bool(self.pooled_groups) and not self.groups

    @property
    def findings(self) -> int:
        """Rates that somebody should look at."""
        return sum(rate.found for group in self.groups for rate in group.rates)


def audits(population: Population, policy: Fairness) -> list[Audit]:
    """What is told of a population, by tier set and attribute."""
    return [
        _audit(population, policy, tier_set, attribute)
        for tier_set in population.ranks
        for attribute in population.attributes
    ]


def told(sizes: Mapping[str, int], members_min: int) -> list[str]:
    """The groups that may be told apart, by name.

    The largest ones that are large enough. The others are told as one, which
    then has two groups at least and is large enough itself: for that, the
    smallest of those that were large enough go with them.
    """
    ordered = sorted(sizes, key=lambda each: (-sizes[each], each))
    shown = [each for each in ordered if sizes[each] >= members_min and each != OTHERS][:GROUPS_TOLD_MAX]
    hidden = [each for each in ordered if each not in set(shown)]
    while shown and hidden and (len(hidden) == 1 or sum(sizes[each] for each in hidden) < members_min):
        hidden.append(shown.pop())
    return sorted(shown)


def _audit(population: Population, policy: Fairness, tier_set: str, attribute: str) -> Audit:
    sizes = population.sizes(attribute)
    shown = told(sizes, policy.members_min)
    hidden = sizes.keys() - set(shown)
    comparisons = max(1, len(shown) * (len(population.everybody(tier_set)) - 1))

    def group(value: str, values: Iterable[str]) -> Group:
        chosen = list(values)
        members = sum(sizes[each] for each in chosen)
        counts = population.holding(tier_set, attribute, chosen)[1:]
        return Group(value, members, [rate(count, members, comparisons) for count in counts])

    everybody = Group(
        "",
        population.members,
        [rate(each, population.members, comparisons) for each in population.everybody(tier_set)[1:]],
    )
    groups = _compared([group(each, [each]) for each in shown], everybody, policy)
    # Where no group may be told, the one of all others is everybody.
    pooled = group("", hidden) if hidden and shown else None
    return Audit(tier_set, attribute, everybody, groups, pooled, len(hidden))


def _compared(groups: Sequence[Group], everybody: Group, policy: Fairness) -> list[Group]:
    """The groups with what their rates say beside all members' and the highest group's."""
    highest = [
        max((group.rates[place] for group in groups), key=lambda each: (each.rate_bp, each.low_bp))
        for place in range(len(everybody.rates))
        if groups
    ]
    return [
        Group(
            group.value,
            group.members,
            [
                compared(own, of_all, best, policy)
                for own, of_all, best in zip(group.rates, everybody.rates, highest, strict=True)
            ],
        )
        for group in groups
    ]
