"""How good probabilities are: how they rank, how well calibrated they are, which one leads another."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.bool_]

BINS = 10
RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one ranking's AUC is above another's, with a paired bootstrap interval of 95 %."""

    value: float
    low: float
    high: float


class Ranking:
    """Scores put in order once, so that their AUC is found for any weights in one pass."""

    def __init__(self, labels: Labels, scores: Floats) -> None:
        """`labels` (n,): true where the event came; `scores` (n,): higher where that was said likelier."""
        self._order = np.argsort(scores, kind="stable")
        self._labels = labels[self._order]
        ordered = scores[self._order]
        self._begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))

    def auc(self, weights: Floats | None = None) -> float:
        """The probability that a random one of the event's is scored higher than a random other."""
        each = np.ones(len(self._labels)) if weights is None else weights[self._order]
        positive = np.add.reduceat(each * self._labels, self._begins)
        negative = np.add.reduceat(each * ~self._labels, self._begins)
        below = np.cumsum(negative) - negative
        return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def auc(labels: Labels, scores: Floats) -> float:
    """The area under the ROC curve; ties count half.

    >>> auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.7]))
    0.75
    """
    return Ranking(labels, scores).auc()


def lead(labels: Labels, ours: Floats, theirs: Floats, *, seed: int = 0) -> Lead:
    """The lead of our scores; both are measured on the same customers drawn again, a thousand times."""
    rankings, drawn = (Ranking(labels, ours), Ranking(labels, theirs)), np.random.default_rng(seed)
    n = len(labels)
    leads: list[float] = []
    while len(leads) < RESAMPLES:
        weights = np.bincount(drawn.integers(0, n, n), minlength=n).astype(np.float64)
        if 0 < weights[labels].sum() < n:
            leads.append(rankings[0].auc(weights) - rankings[1].auc(weights))
    low, high = np.quantile(leads, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Lead(rankings[0].auc() - rankings[1].auc(), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Bin:
    """Those whose probability is within one tenth: how many, what was said on average, and what came."""

    count: int
    said: float
    came: float


def calibration(labels: Labels, probabilities: Floats) -> list[Bin]:
    """Ten bins of equal width; one without anybody has a count of 0."""
    places = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    said = np.bincount(places, probabilities, BINS) / np.maximum(counts, 1)
    came = np.bincount(places, labels, BINS) / np.maximum(counts, 1)
    return [Bin(int(n), float(s), float(c)) for n, s, c in zip(counts, said, came, strict=True)]


def calibration_error(labels: Labels, probabilities: Floats) -> float:
    """The expected calibration error: how far what was said is from what came, by bin, weighed by its size.

    >>> calibration_error(np.array([True, False]), np.array([0.5, 0.5]))
    0.0
    """
    bins = calibration(labels, probabilities)
    return sum(each.count * abs(each.said - each.came) for each in bins) / len(labels)
