"""Rules of tiers: the comparisons of a program, compiled once, and what they say of facts."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal, NamedTuple

from libs.common.conditions import (
    MONEY_METRICS,
    POINT_FACTS,
    Asked,
    Condition,
    Op,
    comparisons,
    fact_of,
    parts,
)
from libs.common.documents import WHOLE_BP
from libs.common.tier_policy import Tier
from libs.common.windows import LIFETIME, Window

_COMPARE: dict[Op, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


# A program has some dozens, and each replica some dozens of programs at work.
RULES_HELD = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One comparison of one tier; the same as itself alone, by which what is made of it is found at once.

    `currency` is empty where the metric is no money. `goal` is the satisfying
    value that is nearest to the failing ones: 101 where more than 100 is asked.
    """

    tier: str
    path: str
    metric: str
    fact: str
    op: Op
    threshold: int
    currency: str
    goal: int
    window: str = LIFETIME


class RuleResult(NamedTuple):
    """What one rule said of one value."""

    rule: Rule
    value: int
    met: bool

    @property
    def margin(self) -> int:
        """How far the value is above the threshold."""
        return self.value - self.rule.threshold

    @property
    def missing(self) -> int:
        """How far the value has to move; 0 when met."""
        return 0 if self.met else abs(self.rule.goal - self.value)

    @property
    def progress_bp(self) -> int:
        """How much of the way is made, rounded down; only growth towards a threshold has a way."""
        if self.met:
            return WHOLE_BP
        if self.rule.op not in {">=", ">"} or self.rule.goal <= 0:
            return 0
        return max(0, self.value) * WHOLE_BP // self.rule.goal


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a tier's condition: a rule by its position, or any or all of the nodes below."""

    joined: Literal["any", "all", ""]
    children: tuple["Node", ...] = ()
    position: int = 0

    def holds(self, results: Sequence[RuleResult]) -> bool:
        """Whether the condition holds."""
        if not self.joined:
            return results[self.position].met
        decisive = self.joined == "any"
        for child in self.children:
            if child.holds(results) is decisive:
                return decisive
        return not decisive

    def proof(self, results: Sequence[RuleResult]) -> list[RuleResult]:
        """The results that make it hold, every alternative that does included; none when it does not."""
        if not self.holds(results):
            return []
        if not self.joined:
            return [results[self.position]]
        return [result for child in self.children for result in child.proof(results)]

    def progress_bp(self, results: Sequence[RuleResult]) -> int:
        """The progress of the best alternative, which is that of the last of its parts."""
        if not self.joined:
            return results[self.position].progress_bp
        ways = [child.progress_bp(results) for child in self.children]
        return max(ways) if self.joined == "any" else min(ways)


@dataclass(frozen=True, slots=True)
class TierRule:
    """A tier with its compiled conditions; the first tier has none.

    `rules` are those of `condition`, which is what gives the tier, and after
    them those of `keep`, which is the same where the policy names no other.
    """

    key: str
    rules: tuple[Rule, ...] = ()
    condition: Node | None = None
    keep: Node | None = None
    entry_count: int = 0

    def evaluate(self, facts: Mapping[str, int]) -> tuple[RuleResult, ...]:
        """The result of each rule; a fact that is not there is 0."""
        results = []
        for rule in self.rules:
            value = facts.get(rule.fact, 0)
            results.append(RuleResult(rule, value, _COMPARE[rule.op](value, rule.threshold)))
        return tuple(results)

    def of_entry(self, results: tuple[RuleResult, ...]) -> tuple[RuleResult, ...]:
        """Those of the results that say whether the tier is reached."""
        return results[: self.entry_count]

    def of_keep(self, results: tuple[RuleResult, ...]) -> tuple[RuleResult, ...]:
        """Those of the results that say whether the tier is kept."""
        return results if self.keep is self.condition else results[self.entry_count :]


@dataclass(frozen=True, slots=True)
class Reading:
    """How comparisons are read: the currency, the window where they name none, and a season's factor."""

    currency: str
    window: Window
    money_bp: int = WHOLE_BP


def tier_rule(tier: Tier, reading: Reading) -> TierRule:
    """The compiled rule of a tier."""
    if tier.entry is None:
        return TierRule(tier.key)
    entry = [_rule(tier.key, path, each, reading) for path, each in comparisons(tier.entry)]
    condition = _node(tier.entry, count())
    if tier.keep is None:
        return TierRule(tier.key, tuple(entry), condition, condition, len(entry))
    keep = [_rule(tier.key, path, each, reading) for path, each in comparisons(tier.keep, "keep")]
    return TierRule(tier.key, (*entry, *keep), condition, _node(tier.keep, count(len(entry))), len(entry))


def _rule(tier: str, path: str, comparison: Asked, reading: Reading) -> Rule:
    money = comparison.metric in MONEY_METRICS
    points = comparison.metric.startswith(POINT_FACTS)
    window = LIFETIME if points else comparison.window or reading.window
    threshold = comparison.value * reading.money_bp // WHOLE_BP if money else comparison.value
    return Rule(
        tier=tier,
        path=path,
        metric=comparison.metric,
        fact=fact_of(comparison.metric, window),
        op=comparison.op,
        threshold=threshold,
        currency=reading.currency if money else "",
        goal=threshold + {">": 1, "<": -1}.get(comparison.op, 0),
        window=window,
    )


def _node(condition: Condition, positions: Iterator[int]) -> Node:
    joined, children = parts(condition)
    if not joined:
        return Node("", position=next(positions))
    return Node(joined, tuple(_node(child, positions) for child in children))
