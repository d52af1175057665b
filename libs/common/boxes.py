"""Boxes of facts: exactly which values of several facts meet conditions, and one set of values that shows it.

Conditions are any and all of comparisons of whole numbers, so that each way to
meet one is a box: an interval for each fact. Boxes are looked for one by one,
and what cannot lead to one is left out early. Facts count as independent of
each other: that a month's orders are part of the year's is not known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from libs.common.conditions import SCORE_FACTS, Asked, Condition, SegmentIs, fact_of, parts
from libs.common.documents import WHOLE_BP
from libs.common.score_policy import RFM_TOTAL_MAX_BP, Label, Rfm, Scorecard
from libs.common.windows import Window

BRANCHES_MAX = 20_000
_TOP = 2**62
# What a score is of who has none; a decision reads 0 then, and finds no label.
_NO_SCORE = -1

Interval = tuple[int, int]
Box = Mapping[str, Interval]
Scores = Mapping[str, Rfm | Scorecard]


class Unsettled(Exception):
    """The conditions are too entangled: it was given up to look for values that meet them."""


@dataclass(slots=True)
class Budget:
    """How many branches may still be looked at, over several questions."""

    left: int = BRANCHES_MAX

    def spend(self) -> None:
        """One branch less; Unsettled when none is left."""
        if self.left <= 0:
            raise Unsettled
        self.left -= 1


@dataclass(frozen=True, slots=True)
class Within:
    """A fact is in an interval; `domain` are all values that it may have."""

    fact: str
    interval: Interval
    domain: Interval


@dataclass(frozen=True, slots=True)
class Joined:
    """Any, or all, of what it is made of; any of nothing never holds, all of nothing always does."""

    joined: Literal["any", "all"]
    parts: tuple["Formula", ...]


Formula = Within | Joined
NEVER = Joined("any", ())
ALWAYS = Joined("all", ())


@dataclass(frozen=True, slots=True)
class Reading:
    """How conditions are read: the window where they name none, and the scores of the program."""

    window: Window
    scores: Scores

    def formula(self, condition: Condition | None) -> Formula:
        """A condition as a formula; nobody meets one that is not there."""
        if condition is None:
            return NEVER
        joined, children = parts(condition)
        if joined:
            return Joined(joined, tuple(self.formula(child) for child in children))
        return self._leaf(condition)  # type: ignore[arg-type]  # what joins nothing is a comparison or segment

    def facts(self, values: Mapping[str, int]) -> dict[str, int]:
        """Values as a decision reads them: with the label of each score."""
        told = {fact: value for fact, value in values.items() if value != _NO_SCORE}
        for fact in list(told):
            if fact.startswith(SCORE_FACTS):
                key = fact.removeprefix(SCORE_FACTS)
                label = next(one for one in _labels(self.scores[key]) if one.min_total_bp <= told[fact])
                told[f"{fact}.{label.key}"] = 1
        return told

    def _leaf(self, asked: Asked) -> Formula:
        if isinstance(asked, SegmentIs):
            return self._label(asked)
        low, high = {
            ">=": (asked.value, _TOP),
            ">": (asked.value + 1, _TOP),
            "<=": (0, asked.value),
            "<": (0, asked.value - 1),
            "==": (asked.value, asked.value),
        }[asked.op]
        fact = fact_of(asked.metric, asked.window or self.window)
        if not fact.startswith(SCORE_FACTS):
            return _within(fact, (low, high), (0, _TOP))
        # Who has no score is read as one of 0.
        return _within(fact, (_NO_SCORE if low == 0 and high >= 0 else low, high), self._domain(asked.metric))

    def _label(self, asked: SegmentIs) -> Formula:
        high = self._domain(asked.segment)[1]
        for label in _labels(self.scores[asked.segment]):
            if label.key == asked.label:
                fact = SCORE_FACTS + asked.segment
                return _within(fact, (label.min_total_bp, high), self._domain(asked.segment))
            high = label.min_total_bp - 1
        return NEVER

    def _domain(self, score: str) -> Interval:
        policy = self.scores[score]
        if isinstance(policy, Rfm):
            return _NO_SCORE, RFM_TOTAL_MAX_BP
        return _NO_SCORE, policy.industry_bp if policy.link is None else WHOLE_BP


def both(*formulas: Formula) -> Formula:
    """All of them."""
    return Joined("all", formulas)


def either(*formulas: Formula) -> Formula:
    """Any of them."""
    return Joined("any", formulas)


def negated(formula: Formula) -> Formula:
    """What holds where a formula does not."""
    if isinstance(formula, Joined):
        turned: Literal["any", "all"] = "all" if formula.joined == "any" else "any"
        return Joined(turned, tuple(negated(part) for part in formula.parts))
    (low, high), (floor, top) = formula.interval, formula.domain
    return either(
        _within(formula.fact, (floor, low - 1), formula.domain),
        _within(formula.fact, (high + 1, top), formula.domain),
    )


def witness(formula: Formula, budget: Budget) -> dict[str, int] | None:
    """The smallest values of a box that meets a formula, by fact; None where nothing meets it."""
    box = next(_boxes((formula,), {}, budget), None)
    return None if box is None else {fact: low for fact, (low, _) in sorted(box.items())}


def implies(formula: Formula, other: Formula, budget: Budget) -> bool:
    """Whether whatever meets a formula meets another one."""
    return witness(both(formula, negated(other)), budget) is None


def _within(fact: str, interval: Interval, domain: Interval) -> Formula:
    low, high = max(interval[0], domain[0]), min(interval[1], domain[1])
    return NEVER if low > high else Within(fact, (low, high), domain)


def _labels(policy: Rfm | Scorecard) -> Sequence[Label]:
    return policy.labels if isinstance(policy, Rfm) else policy.bands


def _boxes(wanted: Sequence[Formula], within: Box, budget: Budget) -> Iterator[Box]:
    """The boxes in which all of the formulas hold: what has no choice first, then the fewest choices."""
    budget.spend()
    narrowed = _narrowed(wanted, within)
    if narrowed is None:
        return
    box, open_ = narrowed
    choices = [
        [part for part in formula.parts if _possible(part, box)]
        for formula in open_
        if not any(_certain(part, box) for part in formula.parts)
    ]
    if not choices:
        yield box
        return
    first, *others = sorted(choices, key=len)
    rest = [Joined("any", tuple(each)) for each in others]
    for part in first:
        yield from _boxes((part, *rest), box, budget)


def _narrowed(wanted: Sequence[Formula], within: Box) -> tuple[Box, list[Joined]] | None:
    """The box that all comparisons leave, and the choices that remain; None where it is empty."""
    box, open_, stack = dict(within), [], list(wanted)
    while stack:
        formula = stack.pop()
        if isinstance(formula, Within):
            (low, high), (other_low, other_high) = formula.interval, box.get(formula.fact, formula.domain)
            box[formula.fact] = max(low, other_low), min(high, other_high)
            if box[formula.fact][0] > box[formula.fact][1]:
                return None
        elif formula.joined == "all":
            stack.extend(formula.parts)
        else:
            open_.append(formula)
    return box, open_


def _possible(formula: Formula, box: Box) -> bool:
    """Whether nothing of the box by itself speaks against a formula."""
    if isinstance(formula, Within):
        low, high = box.get(formula.fact, formula.domain)
        return formula.interval[0] <= high and low <= formula.interval[1]
    return (any if formula.joined == "any" else all)(_possible(part, box) for part in formula.parts)


def _certain(formula: Formula, box: Box) -> bool:
    """Whether all of the box meets a formula, as far as a part of it alone shows."""
    if isinstance(formula, Within):
        low, high = box.get(formula.fact, formula.domain)
        return formula.interval[0] <= low and high <= formula.interval[1]
    return (any if formula.joined == "any" else all)(_certain(part, box) for part in formula.parts)
