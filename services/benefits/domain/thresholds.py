"""Thresholds: the numbers that tiers ask for, and which others might be asked for instead."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.common.conditions import Comparison, comparisons
from libs.common.documents import WHOLE_BP
from libs.common.errors import InvalidRequest, ProgramInvalid
from libs.common.lint.check import lint
from libs.common.program import Program
from libs.common.tier_policy import Tier, TierSet
from libs.common.windows import Window
from services.benefits.domain.errors import TierUnknown
from services.benefits.domain.programs import tier_set_of

FACTORS_BP = (6_000, 7_000, 8_000, 9_000, WHOLE_BP, 11_000, 12_000, 13_500, 15_000)
THRESHOLDS_MAX = 20
DIGITS = 2

# What makes a comparison stricter: a greater number, or a smaller one. An equation is no threshold.
STRICTER = {">=": 1, ">": 1, "<=": -1, "<": -1}
_STEP = re.compile(r"(any|all)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a tier asks for; `path` is where it stands in the entry."""

    tier_set: str
    tier: str
    path: str
    asked: Comparison
    window: Window

    @property
    def sign(self) -> int:
        """1 where a greater number is stricter, -1 where a smaller one is."""
        return STRICTER[self.asked.op]

    def beside(self, other: "Threshold") -> bool:
        """Whether another one counts the same in the same direction."""
        mine, theirs = (each.asked.metric for each in (self, other))
        return mine == theirs and self.window == other.window and self.sign == other.sign


@dataclass(frozen=True, slots=True)
class Asked:
    """The thresholds to look at, each tier set from the top, and the tiers that are not among them."""

    thresholds: tuple[Threshold, ...]
    without: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Obstacle(StrEnum):
    """Why a candidate is not walked."""

    SAME = "same"
    TIER_BELOW = "tier_below"
    TIER_ABOVE = "tier_above"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that is not walked; `detail` says what would be wrong with the document."""

    factor_bp: int
    value: int
    obstacle: Obstacle
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program in which one threshold has this value."""

    value: int
    program: Program


def asked_for(program: Program, tier_set: str, tier: str, path: str) -> Asked:
    """The thresholds that somebody means: where they leave it open all tiers, and the first about spend."""
    if path and not tier:
        raise InvalidRequest(condition="is one of a tier: name the tier as well")
    sets = [each for each in program.tier_sets if tier_set in {"", each.key}]
    tiers = [(each, one) for each in sets for one in reversed(each.tiers) if tier in {"", one.key}]
    if not tiers:
        raise TierUnknown(**{name: key for name, key in (("tier_set", tier_set), ("tier", tier)) if key})
    found = [_threshold(each, one, path) for each, one in tiers if one.entry is not None]
    thresholds = tuple(each for each in found if each is not None)
    if tier and not thresholds:
        raise InvalidRequest(condition=f"{tier} asks for no number there that could be another")
    having = {(each.tier_set, each.tier) for each in thresholds}
    return Asked(
        thresholds[:THRESHOLDS_MAX],
        without=tuple(
            one.key for each, one in tiers if one.entry is not None and (each.key, one.key) not in having
        ),
        left_out=tuple(each.tier for each in thresholds[THRESHOLDS_MAX:]),
    )


def _threshold(tier_set: TierSet, tier: Tier, path: str) -> Threshold | None:
    found = [each for each in _thresholds(tier_set, tier) if path in {"", each.path}]
    return next((each for each in found if each.asked.metric == "spend"), found[0] if found else None)


def _thresholds(tier_set: TierSet, tier: Tier) -> Iterator[Threshold]:
    """All numbers that a tier asks for and that could be others, in reading order."""
    for path, asked in () if tier.entry is None else comparisons(tier.entry):
        if isinstance(asked, Comparison) and asked.op in STRICTER and asked.value > 0:
            yield Threshold(tier_set.key, tier.key, path, asked, asked.window or tier_set.window)


def nice(value: int, factor_bp: int) -> int:
    """So much of a value, as a number of two digits that people remember; never 0.

    >>> nice(25_000, 13_500), nice(3, 6_000), nice(1, 1_000)
    (34000, 2, 1)
    """
    exact = value * factor_bp
    unit: int = 10 ** max(0, len(str(exact // WHOLE_BP)) - DIGITS)
    return max(1, (exact + WHOLE_BP * unit // 2) // (WHOLE_BP * unit) * unit)


def candidates(
    program: Program, threshold: Threshold, factors_bp: Sequence[int], now: datetime
) -> tuple[list[Candidate], list[LeftOut]]:
    """The values that a threshold may have, from the strictest to the loosest, and those that it may not.

    The one that it has is always among them.
    """
    live = threshold.asked.value
    found, left_out = [Candidate(live, program)], list[LeftOut]()
    floor, ceiling = _bounds(program, threshold)
    for factor_bp in sorted(set(factors_bp) - {WHOLE_BP}):
        value = nice(live, factor_bp)
        obstacle, detail = _obstacle(value, {each.value for each in found}, floor, ceiling, threshold.sign)
        if obstacle is None:
            candidate, detail = _candidate(program, threshold, value, now)
            obstacle = Obstacle.INVALID if candidate is None else None
            found += [] if candidate is None else [candidate]
        if obstacle is not None:
            left_out.append(LeftOut(factor_bp, value, obstacle, detail))
    return sorted(found, key=lambda each: -each.value * threshold.sign), left_out


def _obstacle(
    value: int, taken: set[int], floor: int | None, ceiling: int | None, sign: int
) -> tuple[Obstacle | None, str]:
    if value in taken:
        return Obstacle.SAME, ""
    if floor is not None and value * sign <= floor:
        return Obstacle.TIER_BELOW, ""
    if ceiling is not None and value * sign >= ceiling:
        return Obstacle.TIER_ABOVE, ""
    return None, ""


def _bounds(program: Program, threshold: Threshold) -> tuple[int | None, int | None]:
    """What tiers below ask for at the most, those above at the least; a greater number is stricter."""
    tier_set = tier_set_of(program, threshold.tier_set)
    place = next(rank for rank, each in enumerate(tier_set.tiers) if each.key == threshold.tier)
    below = [value for each in tier_set.tiers[:place] for value in _beside(tier_set, each, threshold)]
    above = [value for each in tier_set.tiers[place + 1 :] for value in _beside(tier_set, each, threshold)]
    return max(below, default=None), min(above, default=None)


def _beside(tier_set: TierSet, tier: Tier, threshold: Threshold) -> list[int]:
    """What a tier asks for of the same: where the threshold stands, else anywhere in its entry."""
    found = [each for each in _thresholds(tier_set, tier) if each.beside(threshold)]
    there = [each for each in found if each.path == threshold.path]
    return [each.asked.value * threshold.sign for each in there or found]


def _candidate(
    program: Program, threshold: Threshold, value: int, now: datetime
) -> tuple[Candidate | None, str]:
    """The program with another value, or what would be wrong with it."""
    try:
        made = with_value(program, threshold, value)
    except ProgramInvalid as error:
        return None, "; ".join(f"{path}: {text}" for path, text in sorted(error.facts.items()))
    wrong = [each for each in lint(made, now) if each.severity == "error"]
    return (None, wrong[0].text("en")) if wrong else (Candidate(value, made), "")


def with_value(program: Program, threshold: Threshold, value: int) -> Program:
    """The program with one threshold changed and nothing else."""
    document = program.document()
    tier_set = next(each for each in document["tier_sets"] if each["key"] == threshold.tier_set)
    asked = next(each for each in tier_set["tiers"] if each["key"] == threshold.tier)["entry"]
    for joined, place in _STEP.findall(threshold.path):
        asked = asked[joined][int(place)]
    asked["value"] = value
    return Program.parse(document)
