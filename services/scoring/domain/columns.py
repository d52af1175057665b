"""Cards over columns: the scores of scores.py, of many members at once; the reference for other kernels.

Values are compared with the starts of steps, which are whole numbers that
float64 holds exactly; everything after that is whole numbers. NaN is no fact.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.scoring.domain.cards import QUOTIENT_MAX, Card, Factor, Per
from services.scoring.domain.scales import FULL, Steps

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int32]
Totals: TypeAlias = NDArray[np.int32]
Labels: TypeAlias = NDArray[np.int8]
Points: TypeAlias = NDArray[np.uint8]
Columns: TypeAlias = Mapping[str, Floats]

NO_TOTAL = NO_LABEL = -1
# From here on float64 leaves whole numbers out.
NUMBER_END = 2.0**53
# In a column of int32.
NO_FACT = -(2**31)
# Values are first sorted into so many buckets of equal width, in which few steps begin.
BUCKETS_MAX = 1024


@dataclass(frozen=True, slots=True)
class ScaleTable:
    """Steps as arrays.

    A value from `low` to `high` is in the bucket (value - low) >> shift. At
    the beginning of a bucket `places` steps have begun, and at most `more`
    begin within one. `missing` is the level of NaN.
    """

    starts: Floats
    levels: Points
    missing: int
    low: int
    high: int
    shift: int
    places: Points
    more: int

    @classmethod
    def of(cls, steps: Steps, missing: int) -> Self:
        """The table of some steps, with one start more that nothing reaches."""
        starts = np.array(steps.starts, np.int64)
        low, high = int(starts[0]) - 1, int(starts[-1])
        shift = max(0, (high - low).bit_length() - BUCKETS_MAX.bit_length() + 1)
        firsts = low + (np.arange((high - low >> shift) + 1) << shift)
        places = np.searchsorted(starts, firsts, side="right")
        lasts = np.searchsorted(starts, firsts + (1 << shift) - 1, side="right")
        return cls(
            starts=np.append(starts.astype(np.float64), np.inf),
            levels=np.array(steps.levels, np.uint8),
            missing=missing,
            low=low,
            high=high,
            shift=shift,
            places=places.astype(np.uint8),
            more=int((lasts - places).max()),
        )


@dataclass(frozen=True, slots=True)
class FactorTable:
    """A factor as arrays: its scale, that of its age, and what its points are worth."""

    key: str
    fact: str
    per: Per | None
    scale: ScaleTable
    worth_bp: Totals
    age_fact: str
    age: ScaleTable | None

    @classmethod
    def of(cls, factor: Factor) -> Self:
        """The tables of a factor."""
        return cls(
            key=factor.key,
            fact=factor.fact,
            per=factor.per,
            scale=ScaleTable.of(factor.steps, factor.missing),
            worth_bp=np.array(factor.worth_bp, np.int32),
            age_fact="" if factor.age is None else factor.age.fact,
            age=None if factor.age is None else ScaleTable.of(factor.age.steps, 0),
        )


@dataclass(frozen=True, slots=True)
class CardTable:
    """A card as arrays. `linked` is the total of each sum; without a link none."""

    card: Card
    factors: tuple[FactorTable, ...]
    linked: Totals | None
    bottoms_bp: Totals

    @classmethod
    def of(cls, card: Card) -> Self:
        """The tables of a card."""
        return cls(
            card=card,
            factors=tuple(FactorTable.of(factor) for factor in card.factors),
            linked=None if card.link is None else _linked(card.link, card),
            bottoms_bp=np.array(card.bottoms_bp, np.int32),
        )


@dataclass(frozen=True, slots=True)
class ScoredColumns:
    """A total, a label and the points of each factor per row; -1, -1 and 0 where there is no score."""

    totals_bp: Totals
    labels: Labels
    points: Points


@dataclass(frozen=True, slots=True)
class Kernel:
    """What works on whole columns.

    `are_facts` says whether a column holds whole numbers from a lowest one to
    below NUMBER_END and NaN, and nothing else. `widened` is a column of int32
    as one of float64. `score` scores rows by a card, from the columns of its
    facts.
    """

    widened: Callable[[Integers], Floats]
    are_facts: Callable[[Floats, float], bool]
    score: Callable[[CardTable, Columns], ScoredColumns]


def facts_in(column: Floats, lowest: float) -> NDArray[np.bool_]:
    """Which numbers of a column are facts, or NaN."""
    whole: NDArray[np.bool_] = (column >= lowest) & (column < NUMBER_END) & (column == np.floor(column))
    return whole | np.isnan(column)


def widened(column: Integers) -> Floats:
    """A column of int32 as one of float64."""
    return np.where(column == NO_FACT, np.nan, column)


def score_columns(table: CardTable, columns: Columns) -> ScoredColumns:
    """Score rows.

    >>> from libs.common.program import preset
    >>> from services.scoring.domain.cards import rfm_card
    >>> table = CardTable.of(rfm_card(preset("music_store").rfm))
    >>> facts = (np.array([10.0, np.nan]), np.array([9.0, 0.0]), np.array([2e4, 0.0]))
    >>> scored = score_columns(table, dict(zip(table.card.facts, facts)))
    >>> scored.totals_bp.tolist(), [table.card.labels[scored.labels[0]], scored.labels[1].item()]
    ([50000, -1], ['high_value', -1])
    """
    points = np.stack([_points(factor, columns) for factor in table.factors])
    totals = np.zeros(points.shape[1], np.int32)
    for factor, of_factor in zip(table.factors, points, strict=True):
        totals += factor.worth_bp[of_factor]
    if table.linked is not None:
        totals = table.linked[totals]
    labels = (table.bottoms_bp[:, None] > totals).sum(axis=0, dtype=np.int8)
    for fact, lowest in table.card.requires:
        absent = ~(columns[fact] >= lowest)
        totals[absent], labels[absent], points[:, absent] = NO_TOTAL, NO_LABEL, 0
    return ScoredColumns(totals, labels, points)


def _points(factor: FactorTable, columns: Columns) -> Points:
    values = columns[factor.fact]
    if factor.per is not None:
        values = _quotients(values, factor.per.times, columns[factor.per.fact])
    points = _levels(factor.scale, values)
    if factor.age is None:
        return points
    left = _levels(factor.age, columns[factor.age_fact]).astype(np.uint16)
    return ((points * left + FULL // 2) // FULL).astype(np.uint8)


def _quotients(values: Floats, times: int, divisors: Floats) -> Floats:
    """Whole numbers until they are within what float64 holds exactly; NaN by nothing."""
    usable = divisors > 0
    whole = np.where(np.isnan(values), 0, values).astype(np.int64) * times
    quotients = whole // np.where(usable, divisors, 1).astype(np.int64)
    return np.where(usable, quotients.clip(-QUOTIENT_MAX, QUOTIENT_MAX), np.nan)


def _levels(scale: ScaleTable, values: Floats) -> Points:
    unknown = np.isnan(values)
    numbers = np.where(unknown, scale.low, values).astype(np.int64).clip(scale.low, scale.high)
    reached: NDArray[Any] = scale.places[(numbers - scale.low) >> scale.shift].astype(np.intp)
    for _ in range(scale.more):
        reached += scale.starts[reached] <= numbers
    levels: Points = scale.levels[reached]
    levels[unknown] = scale.missing
    return levels


def _linked(link: Steps, card: Card) -> Totals:
    """The total of each sum that the factors can come to."""
    sums = np.arange(1 + sum(factor.worth_bp[-1] for factor in card.factors))
    return np.array(link.levels, np.int32)[np.searchsorted(link.starts, sums, side="right")]


def _are_facts(column: Floats, lowest: float) -> bool:
    return bool(facts_in(column, lowest).all())


NUMPY = Kernel(widened=widened, are_facts=_are_facts, score=score_columns)
