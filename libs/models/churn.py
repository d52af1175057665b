"""Who will not buy again within a horizon: a calibrated probability, learned from what became of others.

Candidates are logistic regressions, gradient boosted trees, and BG/NBD's own
probability. The one that ranks best in cross-validation is taken, and Platt's
scaling of its out-of-fold predictions makes it calibrated, which changes no
rank. A model is plain numbers, evaluated by scorers.py and not by the library
that found them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from libs.models import documents
from libs.models.features import Facts
from libs.models.measures import auc
from libs.models.redundancy import Kept
from libs.models.scorers import BGNBD, LOGISTIC, TREES, Boosted, Said, Scorer, Tree, Weighed, inputs_of

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = NDArray[np.intp]
Told = Callable[[float], None]

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Of logistic regression: the inverse strength of its L2 penalty on standardised features."""
TREES_COUNT, TREE_LEAVES, TREE_RATE, LEAF_MEMBERS_MIN = 60, 4, 0.05, 20
FOLDS, INNER_FOLDS = 10, 5
ALL = -1
"""No fold: nobody is left out."""
# Above so many members fewer folds tell as much, and take a quarter of the time.
MANY = 20_000
FOLDS_OF_MANY, INNER_FOLDS_OF_MANY = 5, 3
OF_EACH_MIN = 30
"""So many who bought again and who did not are needed to learn from."""


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
    return Data(inputs_of(facts, kept, no_purchase), churned)


def is_learnable(churned: Labels) -> bool:
    """Whether there are enough of both kinds to learn from."""
    return min(int(churned.sum()), int((~churned).sum())) >= OF_EACH_MIN


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of learning comes to: what is said of the members of its fold, or the model, with ALL."""

    said: Floats | None = None
    chosen: Chosen | None = None


Run = Callable[[Data, Sequence[int]], Iterable[Part]]
"""Runs parts of learning, which know nothing of one another, and gives what they come to in their order."""


def part_of(data: Data, fold: int) -> Part:
    """What a model that is chosen, fitted and calibrated without the members of a fold says of them.

    With ALL, the model of all.
    """
    if fold == ALL:
        return Part(chosen=choose(data))
    train, test = _outer(data)[fold]
    return Part(said=choose(data.of(train)).probability(data.matrix[test]))


def one_by_one(data: Data, folds: Sequence[int]) -> Iterator[Part]:
    """Run parts here, one after the other."""
    return (part_of(data, fold) for fold in folds)


def learned(data: Data, told: Told = lambda part: None, run: Run = one_by_one) -> tuple[Floats, Chosen]:
    """What is said of each member out of fold, (members,), and the model of all.

    Out of fold is by a model that was chosen, fitted and calibrated without
    them. `told` hears which part is done.
    """
    folds = _outer(data)
    said, chosen = np.empty(len(data.churned)), None
    for done, part in enumerate(run(data, [*range(len(folds)), ALL]), start=1):
        if part.said is not None:
            said[folds[done - 1][1]] = part.said
        chosen = part.chosen
        told(done / (len(folds) + 1))
    assert chosen is not None, "the last part is the model of all"
    return said, chosen


def choose(data: Data) -> Chosen:
    """The candidate with the largest AUC in cross-validation, fitted to all, and calibrated."""
    _, inner = _folds(data)
    candidates = _candidates()
    odds = {name: np.empty(len(data.churned)) for name in candidates}
    for train, test in _splits(data, inner):
        learned = data.of(train)
        for name, fit in candidates.items():
            odds[name][test] = fit(learned.matrix, learned.churned).log_odds(data.matrix[test])
    best = max(candidates, key=lambda name: auc(data.churned, odds[name]))
    scorer = candidates[best](data.matrix, data.churned)
    return Chosen(best.partition(" ")[0], scorer, *_platt(odds[best], data.churned))


def plain(scorer: Scorer) -> documents.Logistic | documents.Trees | documents.FrequencyAlone:
    """What was fitted, as a document has it."""
    match scorer:
        case Weighed():
            return documents.Logistic(
                means=_listed(scorer.means),
                scales=_listed(scorer.scales),
                weights=_listed(scorer.weights),
                bias=scorer.bias,
            )
        case Boosted():
            return documents.Trees(bias=scorer.bias, trees=tuple(map(_nodes, scorer.trees)))
        case Said():
            return documents.FrequencyAlone()


def _listed(column: NDArray[Any]) -> tuple[Any, ...]:
    return tuple(column.tolist())


def _nodes(tree: Tree) -> documents.Nodes:
    return documents.Nodes(
        feature=_listed(tree.feature),
        threshold=_listed(tree.threshold),
        below=_listed(tree.below),
        above=_listed(tree.above),
        value=_listed(tree.value),
    )


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
        value=_means(nodes),
    )


def _means(nodes: Any) -> Floats:
    """What leaves add, and before them the mean of it over those who came by; parents stand first."""
    means = np.array(nodes["value"], np.float64)
    for place in reversed(range(len(nodes))):
        if not nodes["is_leaf"][place]:
            further = [int(nodes["left"][place]), int(nodes["right"][place])]
            means[place] = np.average(means[further], weights=nodes["count"][further])
    return means


def _platt(odds: Floats, churned: Labels) -> tuple[float, float]:
    """The slope and the shift of log-odds that fit what came best (Platt 1999), without a penalty."""
    found = LogisticRegression(C=np.inf, max_iter=1000).fit(odds[:, None], churned)
    return float(found.coef_[0, 0]), float(found.intercept_[0])


def _folds(data: Data) -> tuple[int, int]:
    if len(data.churned) > MANY:
        return FOLDS_OF_MANY, INNER_FOLDS_OF_MANY
    return FOLDS, INNER_FOLDS


def _outer(data: Data) -> list[tuple[Rows, Rows]]:
    return list(_splits(data, _folds(data)[0]))


def _splits(data: Data, count: int) -> Iterator[tuple[Rows, Rows]]:
    folds = StratifiedKFold(count, shuffle=True, random_state=0)
    yield from folds.split(data.matrix, data.churned)
