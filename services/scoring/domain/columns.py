"""RFM over columns: the scores of rfm.py, of many members at once; the reference for other kernels.

A row comes to one of 126 codes: 0 for no score, else the three scores of 1 to
5 as the digits of a number to the base 5, and 1 more. What a code is worth is
in tables that are made once for a policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from libs.common.program import Rfm
from services.scoring.domain.rfm import SCORE_MAX

Floats: TypeAlias = NDArray[np.float64]
Totals: TypeAlias = NDArray[np.int32]
Labels: TypeAlias = NDArray[np.int8]
Points: TypeAlias = NDArray[np.uint8]

FACTORS = ("recency", "frequency", "monetary")
NO_TOTAL = NO_LABEL = -1
# From here on float64 leaves whole numbers out.
NUMBER_END = 2.0**53


@dataclass(frozen=True, slots=True)
class RfmTables:
    """An RFM policy as arrays: the cuts of the factors, and by code the total, the label and the points."""

    cuts: Floats
    totals_bp: Totals
    labels: Labels
    points: Points
    label_keys: tuple[str, ...]
    cuts_version: str

    @classmethod
    def of(cls, rfm: Rfm) -> Self:
        """The tables of a policy. Cuts are whole numbers that float64 holds exactly."""
        weights = (rfm.weights_bp.recency, rfm.weights_bp.frequency, rfm.weights_bp.monetary)
        scores = list(product(range(1, SCORE_MAX + 1), repeat=len(FACTORS)))
        totals = [sum(score * weight for score, weight in zip(each, weights, strict=True)) for each in scores]
        return cls(
            cuts=np.array([rfm.recency_cuts, rfm.frequency_cuts, rfm.monetary_cuts], np.float64),
            totals_bp=np.array([NO_TOTAL, *totals], np.int32),
            labels=np.array([NO_LABEL, *(_label_place(rfm, total) for total in totals)], np.int8),
            points=np.array([(0, 0, 0), *scores], np.uint8).T.copy(),
            label_keys=tuple(label.key for label in rfm.labels),
            cuts_version=rfm.cuts_version,
        )


@dataclass(frozen=True, slots=True)
class ScoredColumns:
    """A total, a label and the points of each factor per row; -1, -1 and 0 where there is no score."""

    totals_bp: Totals
    labels: Labels
    points: tuple[Points, Points, Points]


@dataclass(frozen=True, slots=True)
class Kernel:
    """What works on whole columns. NaN is no fact.

    `are_facts` says whether a column holds whole numbers from a lowest one to
    below NUMBER_END and NaN, and nothing else. `score` scores rows of days
    since the last purchase, purchases and amounts.
    """

    are_facts: Callable[[Floats, float], bool]
    score: Callable[[RfmTables, Floats, Floats, Floats], ScoredColumns]


def facts_in(column: Floats, lowest: float) -> NDArray[np.bool_]:
    """Which numbers of a column are facts, or NaN."""
    whole: NDArray[np.bool_] = (column >= lowest) & (column < NUMBER_END) & (column == np.floor(column))
    return whole | np.isnan(column)


def score_columns(tables: RfmTables, days: Floats, purchases: Floats, amounts: Floats) -> ScoredColumns:
    """Score rows.

    >>> from libs.common.program import preset
    >>> tables = RfmTables.of(preset("music_store").rfm)
    >>> scored = score_columns(tables, np.array([10.0, np.nan]), np.array([9.0, 0.0]), np.array([2e4, 0.0]))
    >>> scored.totals_bp.tolist(), [tables.label_keys[scored.labels[0]], scored.labels[1].item()]
    ([50000, -1], ['high_value', -1])
    """
    recency = SCORE_MAX - 1 - _cuts_below(tables.cuts[0], days)
    frequency = _cuts_below(tables.cuts[1], purchases)
    monetary = _cuts_below(tables.cuts[2], np.where(np.isnan(amounts), 0.0, amounts))
    code = 1 + monetary + SCORE_MAX * (frequency + SCORE_MAX * recency)
    code[np.isnan(days) | ~(purchases > 0)] = 0
    r, f, m = (points[code] for points in tables.points)
    return ScoredColumns(tables.totals_bp[code], tables.labels[code], (r, f, m))


def _cuts_below(cuts: Floats, values: Floats) -> NDArray[Any]:
    """How many cuts are below each value; all of them for NaN, whose row has no score."""
    return np.searchsorted(cuts, values, side="left")


def _label_place(rfm: Rfm, total_bp: int) -> int:
    return next(place for place, label in enumerate(rfm.labels) if total_bp >= label.min_total_bp)


NUMPY = Kernel(are_facts=lambda column, lowest: bool(facts_in(column, lowest).all()), score=score_columns)
