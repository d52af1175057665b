"""Who will not buy again within a horizon: a calibrated probability, learned from what became of others.

Candidates are logistic regressions, gradient boosted trees, and BG/NBD's own
probability. The one that ranks best in cross-validation is taken, and Platt's
scaling of its out-of-fold predictions makes it calibrated, which changes no
rank. A model is plain numbers, evaluated here and not by the library that
found them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from libs.models.features import Facts, feature_matrix
from libs.models.measures import auc
from libs.models.redundancy import Kept

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = NDArray[np.intp]
Told = Callable[[float], None]

LOGISTIC, TREES, BGNBD = "logistic", "trees", "bgnbd"
PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Of logistic regression: the inverse strength of its L2 penalty on standardised features."""
TREES_COUNT, TREE_LEAVES, TREE_RATE, LEAF_MEMBERS_MIN = 60, 4, 0.05, 20
FOLDS, INNER_FOLDS = 10, 5
# Above so many members fewer folds tell as much, and take a quarter of the time.
MANY = 20_000
FOLDS_OF_MANY, INNER_FOLDS_OF_MANY = 5, 3
OF_EACH_MIN = 30
"""So many who bought again and who did not are needed to learn from."""
_SURE = 1e-6


@dataclass(frozen=True, slots=True)
class Weighed:
    """Logistic regression: `bias` and what each standardised feature weighs, in log-odds."""

    means: Floats
    scales: Floats
    weights: Floats
    bias: float

    def log_odds(self, matrix: Floats) -> Floats:
        """The log-odds, (members,); features are added in their order, so every batch gives the same bits."""
        odds = np.full(len(matrix), self.bias)
        for place, weight in enumerate(self.weights):
            odds += weight * ((matrix[:, place] - self.means[place]) / self.scales[place])
        return odds


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in rows: which feature (-1: a leaf) is compared with what, where to go on, what a leaf adds."""

    feature: NDArray[np.int64]
    threshold: Floats
    below: NDArray[np.int64]
    above: NDArray[np.int64]
    value: Floats

    def of(self, matrix: Floats) -> Floats:
        """The value of the leaf that each row comes to, (members,)."""
        at = np.zeros(len(matrix), np.int64)
        rows = np.arange(len(matrix))
        for _ in range(len(self.feature)):
            inside = self.feature[at] >= 0
            if not inside.any():
                break
            goes_below = matrix[rows, np.maximum(self.feature[at], 0)] <= self.threshold[at]
            at = np.where(inside, np.where(goes_below, self.below[at], self.above[at]), at)
        return self.value[at]


@dataclass(frozen=True, slots=True)
class Boosted:
    """Gradient boosted trees: `bias` and what each tree adds, in log-odds."""

    bias: float
    trees: Sequence[Tree]

    def log_odds(self, matrix: Floats) -> Floats:
        """The log-odds, (members,), added tree by tree."""
        odds = np.full(len(matrix), self.bias)
        for tree in self.trees:
            odds += tree.of(matrix)
        return odds


@dataclass(frozen=True, slots=True)
class Said:
    """What BG/NBD says is the last column, as log-odds."""

    def log_odds(self, matrix: Floats) -> Floats:
        """The last column."""
        return matrix[:, -1]


Scorer = Weighed | Boosted | Said
Fit = Callable[[Floats, Labels], Scorer]


@dataclass(frozen=True, slots=True)
class Data:
    """What is learned from: features that are made ready, (members, kept + 1), and who did not buy again.

    The last column is BG/NBD's log-odds of no purchase.
    """

    matrix: Floats
    churned: Labels

    def of(self, rows: Rows) -> "Data":
        """These members alone."""
        return Data(self.matrix[rows], self.churned[rows])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The candidate that is taken, fitted, and the scaling of its log-odds that calibrates it."""

    name: str
    scorer: Scorer
    slope: float
    shift: float

    def probability(self, matrix: Floats) -> Floats:
        """The probability of no purchase, (members,)."""
        return np.asarray(expit(self.slope * self.scorer.log_odds(matrix) + self.shift), np.float64)


def data_of(facts: Facts, kept: Kept, no_purchase: Floats, churned: Labels) -> Data:
    """Features as models take them, with BG/NBD's probability of no purchase beside them."""
    said = logit(np.clip(no_purchase, _SURE, 1 - _SURE))
    return Data(np.column_stack([kept.ready(feature_matrix(facts, kept.names)), said]), churned)


def is_learnable(churned: Labels) -> bool:
    """Whether there are enough of both kinds to learn from."""
    return min(int(churned.sum()), int((~churned).sum())) >= OF_EACH_MIN


def out_of_fold(data: Data, told: Told = lambda part: None, *, seed: int = 0) -> Floats:
    """The probability of each member by a model that was chosen, fitted and calibrated without them.

    `told` hears which part is done.
    """
    outer, _ = _folds(data)
    said = np.empty(len(data.churned))
    for done, (train, test) in enumerate(_splits(data, outer, seed), start=1):
        said[test] = choose(data.of(train), seed=seed).probability(data.matrix[test])
        told(done / outer)
    return said


def choose(data: Data, *, seed: int = 0) -> Chosen:
    """The candidate with the largest AUC in cross-validation, fitted to all, and calibrated."""
    _, inner = _folds(data)
    candidates = _candidates()
    odds = {name: np.empty(len(data.churned)) for name in candidates}
    for train, test in _splits(data, inner, seed):
        learned = data.of(train)
        for name, fit in candidates.items():
            odds[name][test] = fit(learned.matrix, learned.churned).log_odds(data.matrix[test])
    best = max(candidates, key=lambda name: auc(data.churned, odds[name]))
    scorer = candidates[best](data.matrix, data.churned)
    return Chosen(best.partition(" ")[0], scorer, *_platt(odds[best], data.churned))


def _candidates() -> dict[str, Fit]:
    found: dict[str, Fit] = {f"{LOGISTIC} {penalty}": _logistic(penalty) for penalty in PENALTIES}
    return found | {TREES: _boosted, BGNBD: lambda matrix, churned: Said()}


def _logistic(penalty: float) -> Fit:
    def fit(matrix: Floats, churned: Labels) -> Weighed:
        means, scales = matrix.mean(axis=0), matrix.std(axis=0)
        scales = np.where(scales > 0, scales, 1.0)
        found = LogisticRegression(C=penalty, max_iter=1000).fit((matrix - means) / scales, churned)
        return Weighed(means, scales, found.coef_[0], float(found.intercept_[0]))

    return fit


def _boosted(matrix: Floats, churned: Labels) -> Boosted:
    found = HistGradientBoostingClassifier(
        learning_rate=TREE_RATE,
        max_iter=TREES_COUNT,
        max_leaf_nodes=TREE_LEAVES,
        min_samples_leaf=LEAF_MEMBERS_MIN,
        early_stopping=False,
        random_state=0,
    ).fit(matrix, churned)
    # The library has no public way to its trees; a test holds these to its own predictions.
    grown, bias = found._predictors, found._baseline_prediction[0, 0]  # noqa: SLF001
    return Boosted(float(bias), [_tree(each.nodes) for (each,) in grown])


def _tree(nodes: Any) -> Tree:
    return Tree(
        feature=np.where(nodes["is_leaf"], -1, nodes["feature_idx"]),
        threshold=nodes["num_threshold"],
        below=nodes["left"].astype(np.int64),
        above=nodes["right"].astype(np.int64),
        value=nodes["value"],
    )


def _platt(odds: Floats, churned: Labels) -> tuple[float, float]:
    """The slope and the shift of log-odds that fit what came best (Platt 1999), without a penalty."""
    found = LogisticRegression(C=np.inf, max_iter=1000).fit(odds[:, None], churned)
    return float(found.coef_[0, 0]), float(found.intercept_[0])


def _folds(data: Data) -> tuple[int, int]:
    if len(data.churned) > MANY:
        return FOLDS_OF_MANY, INNER_FOLDS_OF_MANY
    return FOLDS, INNER_FOLDS


def _splits(data: Data, count: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    folds = StratifiedKFold(count, shuffle=True, random_state=seed)
    yield from folds.split(data.matrix, data.churned)
