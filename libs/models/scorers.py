"""What churn is scored by: plain numbers, evaluated the same way whichever library found them.

Inputs are features that are made ready, (members, kept), and BG/NBD's log-odds of no purchase
in the last column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from libs.models.features import Facts, feature_matrix
from libs.models.redundancy import Kept

Floats: TypeAlias = NDArray[np.float64]

LOGISTIC, TREES, BGNBD = "logistic", "trees", "bgnbd"
_SURE = 1e-6


def log_odds_of(no_purchase: Floats) -> Floats:
    """BG/NBD's probability of no purchase as log-odds, which stay finite."""
    return np.asarray(logit(np.clip(no_purchase, _SURE, 1 - _SURE)), np.float64)


def inputs_of(facts: Facts, kept: Kept, no_purchase: Floats) -> Floats:
    """What scorers read of members, (members, kept + 1)."""
    ready = [kept.ready(feature_matrix(facts, kept.names))] if kept.names else []
    return np.column_stack([*ready, log_odds_of(no_purchase)])


@dataclass(frozen=True, slots=True)
class Weighed:
    """Logistic regression: `bias` and what each standardised feature weighs, in log-odds."""

    means: Floats
    scales: Floats
    weights: Floats
    bias: float

    @property
    def centre(self) -> float:
        """The log-odds of the average member, which parts are counted from."""
        return self.bias

    def log_odds(self, matrix: Floats) -> Floats:
        """The log-odds, (members,); features are added in their order, so every batch gives the same bits."""
        odds = np.full(len(matrix), self.bias)
        for place, weight in enumerate(self.weights):
            odds += weight * ((matrix[:, place] - self.means[place]) / self.scales[place])
        return odds

    def parts(self, matrix: Floats) -> Floats:
        """What each input adds to the centre, (members, inputs)."""
        return np.asarray(self.weights * ((matrix - self.means) / self.scales), np.float64)


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in rows: which feature (-1: a leaf) is compared with what, where to go on, what a leaf adds.

    The value of another node is the mean of what its leaves gave those that it was grown on.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    below: NDArray[np.int64]
    above: NDArray[np.int64]
    value: Floats

    def of(self, matrix: Floats) -> Floats:
        """The value of the leaf that each row comes to, (members,)."""
        at = np.zeros(len(matrix), np.int64)
        for _ in range(len(self.feature)):
            if not (self.feature[at] >= 0).any():
                break
            at = self._next(at, matrix)
        return self.value[at]

    def add_parts(self, matrix: Floats, parts: Floats) -> None:
        """Add to the part of each input what its comparisons changed on each row's way to its leaf."""
        at = np.zeros(len(matrix), np.int64)
        rows = np.arange(len(matrix))
        for _ in range(len(self.feature)):
            inside = self.feature[at] >= 0
            if not inside.any():
                break
            further = self._next(at, matrix)
            inputs = self.feature[at[inside]]
            parts[rows[inside], inputs] += self.value[further[inside]] - self.value[at[inside]]
            at = further

    def _next(self, at: NDArray[np.int64], matrix: Floats) -> NDArray[np.int64]:
        inside = self.feature[at] >= 0
        compared = matrix[np.arange(len(matrix)), np.maximum(self.feature[at], 0)]
        further = np.where(compared <= self.threshold[at], self.below[at], self.above[at])
        return np.where(inside, further, at)


@dataclass(frozen=True, slots=True)
class Boosted:
    """Gradient boosted trees: `bias` and what each tree adds, in log-odds."""

    bias: float
    trees: Sequence[Tree]

    @property
    def centre(self) -> float:
        """The log-odds before anything is compared, which parts are counted from."""
        return self.bias + sum(float(tree.value[0]) for tree in self.trees)

    def log_odds(self, matrix: Floats) -> Floats:
        """The log-odds, (members,), added tree by tree."""
        odds = np.full(len(matrix), self.bias)
        for tree in self.trees:
            odds += tree.of(matrix)
        return odds

    def parts(self, matrix: Floats) -> Floats:
        """What each input adds to the centre, (members, inputs), by the way to each leaf (Saabas)."""
        parts = np.zeros(matrix.shape)
        for tree in self.trees:
            tree.add_parts(matrix, parts)
        return parts


@dataclass(frozen=True, slots=True)
class Said:
    """What BG/NBD says is the last column, as log-odds."""

    def log_odds(self, matrix: Floats) -> Floats:
        """The last column."""
        return matrix[:, -1]


Scorer = Weighed | Boosted | Said
