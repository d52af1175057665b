"""The search for paths: the alternatives of a goal, the cheapest way to each, and what is decided then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.conditions import fact_of
from libs.common.tier_policy import Action
from services.scoring.domain.moves import Look, Outcome
from services.scoring.domain.overrides import in_force
from services.scoring.domain.paths import (
    AVERAGE,
    ORDERS,
    SPEND,
    Alternative,
    Interval,
    Obstacle,
    Path,
    Situation,
    alternatives,
    path,
    window_of,
)
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.rules import Node, TierRule
from services.scoring.domain.tiers import Ladder, Standing, Step, decide

PATHS_MAX = 10
SEARCH = RunCause("paths")


@dataclass(frozen=True, slots=True)
class Goal:
    """A tier to reach by a time, or to keep then; facts are those of that time if nothing more is done."""

    tier: str
    standing: Standing
    facts: Mapping[str, int]
    today: date
    by: date
    as_of: datetime
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The paths to a goal, the cheapest first, and what stands against other alternatives; none if it is met.

    `whole` says whether all alternatives were looked at.
    """

    met: bool
    paths: tuple[Path, ...]
    obstacles: tuple[tuple[Obstacle, ...], ...]
    whole: bool


def find_paths(ladder: Ladder, actions: Mapping[str, Action], goal: Goal) -> Found:
    """The cheapest way to each alternative of a goal, those left out that another one has all of for less."""
    if _reached(ladder, goal, goal.facts):
        return Found(met=True, paths=(), obstacles=(), whole=True)
    if in_force(goal.standing.tier, goal.standing.term, None, goal.as_of) is not None:
        return Found(met=False, paths=(), obstacles=((_nothing("OVERRIDDEN"),),), whole=True)
    situation = Situation(goal.facts, goal.today, goal.by)
    asked, whole = _asked(ladder, goal)
    paths, obstacles = list[Path](), list[tuple[Obstacle, ...]]()
    for each in asked:
        found = path(each, situation, actions)
        if isinstance(found, list):
            obstacles.append(tuple(found))
        elif _reached(ladder, goal, after(ladder, goal, found)):
            paths.append(found)
    if not asked:
        obstacles.append((_nothing("NOT_EARNED"),))
    best = _undominated(sorted(paths, key=lambda one: (one.cost, sorted(one.done.items()))))
    return Found(False, tuple(best[:PATHS_MAX]), tuple(obstacles[:PATHS_MAX]), whole)


def _nothing(code: str) -> Obstacle:
    """What stands against all that a member may do."""
    return Obstacle(code, "", "", Interval(), 0)


def facts_needed(ladder: Ladder) -> list[str]:
    """The facts that a search reads: those of rules, and of averages what they are made of."""
    return sorted({*ladder.fact_names, *(name for name, _, _ in _moved(ladder))})


def after(ladder: Ladder, goal: Goal, found: Path) -> dict[str, int]:
    """The facts at the time of the goal when a path is done."""
    facts = dict(goal.facts)
    for name, metric, window in _moved(ladder):
        span = window_of(window).span(goal.by)
        if metric in found.done and span.first <= found.last_days[metric] <= span.last:
            facts[name] = facts.get(name, 0) + found.done[metric] // span.divisor
    for window in _windows(ladder, AVERAGE):
        total, count = (facts.get(fact_of(metric, window), 0) for metric in (SPEND, ORDERS))
        facts[fact_of(AVERAGE, window)] = total // count if count else 0
    return facts


def _moved(ladder: Ladder) -> list[tuple[str, str, str]]:
    """The facts that doing something moves, each with its metric and window."""
    own = {(rule.fact, rule.metric, rule.window) for tier in ladder.tiers for rule in tier.rules}
    made_of = {
        (fact_of(metric, window), metric, window)
        for window in _windows(ladder, AVERAGE)
        for metric in (SPEND, ORDERS)
    }
    return sorted({*own, *made_of} - {each for each in own if each[1] == AVERAGE})


def _windows(ladder: Ladder, metric: str) -> set[str]:
    return {rule.window for tier in ladder.tiers for rule in tier.rules if rule.metric == metric}


def _reached(ladder: Ladder, goal: Goal, facts: Mapping[str, int]) -> bool:
    look = Look.REVIEW if goal.keep else Look.EVENT
    receipt = decide(ladder, goal.standing, Step(SEARCH, goal.as_of, facts, look))
    if goal.keep:
        return receipt.outcome in {Outcome.KEPT, Outcome.UPGRADED}
    _, tiers = ladder.asked(goal.as_of)
    earned = {tier.key: rank for rank, tier in enumerate(tiers)}
    return ladder.rank(receipt.to_tier) >= earned[goal.tier]


def _asked(ladder: Ladder, goal: Goal) -> tuple[list[Alternative], bool]:
    """All that brings the goal about: the tier itself, or one above it."""
    _, tiers = ladder.asked(goal.as_of)
    asked, whole = list[Alternative](), True
    for rule in tiers[ladder.rank(goal.tier) :]:
        for condition in {id(each): each for each in _conditions(rule, goal)}.values():
            found, all_of_them = alternatives(rule, condition)
            asked += found
            whole = whole and all_of_them
    return asked, whole


def _conditions(rule: TierRule, goal: Goal) -> list[Node]:
    both = [rule.condition, rule.keep] if goal.keep and rule.key == goal.tier else [rule.condition]
    return [each for each in both if each is not None]


def _undominated(paths: list[Path]) -> list[Path]:
    """Those of which no cheaper one asks for as little of everything."""
    kept: list[Path] = []
    for one in paths:
        if not any(_asks_less(other, one) for other in kept):
            kept.append(one)
    return kept


def _asks_less(other: Path, one: Path) -> bool:
    return all(amount <= one.done.get(metric, 0) for metric, amount in other.done.items())
