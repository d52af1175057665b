"""Churn: models give what the library gives, learn nothing of whom they judge, and are calibrated."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier

from libs.models import churn
from libs.models.churn import Data, choose, is_learnable, learned
from libs.models.measures import auc, calibration_error
from libs.models.scorers import BGNBD, Said


def learned_from(rows: int = 600, *, seed: int = 1, strength: float = 1.5) -> Data:
    """Members whose first feature says how likely they leave; the others say nothing."""
    drawn = np.random.default_rng(seed)
    matrix = drawn.normal(0, 1, (rows, 4))
    return Data(matrix, drawn.random(rows) < expit(strength * matrix[:, 0]))


def test_trees_of_plain_numbers_are_the_library_s() -> None:
    data = learned_from()
    ours = churn._boosted(data.matrix, data.churned).log_odds(data.matrix)
    theirs = HistGradientBoostingClassifier(
        learning_rate=churn.TREE_RATE,
        max_iter=churn.TREES_COUNT,
        max_leaf_nodes=churn.TREE_LEAVES,
        min_samples_leaf=churn.LEAF_MEMBERS_MIN,
        early_stopping=False,
        random_state=0,
    ).fit(data.matrix, data.churned)

    np.testing.assert_allclose(ours, theirs.decision_function(data.matrix), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("fit", [churn._logistic(0.1), churn._boosted])
def test_batches_and_orders_give_the_same_bits(fit: churn.Fit) -> None:
    data = learned_from()
    scorer = fit(data.matrix, data.churned)
    whole = scorer.log_odds(data.matrix)
    order = np.random.default_rng(2).permutation(len(whole))

    assert (scorer.log_odds(data.matrix[order]) == whole[order]).all()
    assert scorer.log_odds(data.matrix[3:4])[0] == whole[3]


def test_what_is_said_out_of_fold_is_calibrated_and_ranks() -> None:
    data = learned_from(2000)
    said, _ = learned(data)

    assert auc(data.churned, said) == pytest.approx(auc(data.churned, data.matrix[:, 0]), abs=0.01)
    assert calibration_error(data.churned, said) < 0.04


def test_noise_is_not_learned_by_heart() -> None:
    """With labels that nothing tells, whoever sees them would rank better than a coin."""
    drawn = np.random.default_rng(3)
    data = Data(drawn.normal(0, 1, (600, 30)), drawn.random(600) < 0.5)

    assert 0.42 < auc(data.churned, learned(data)[0]) < 0.58


def test_bgnbd_is_chosen_where_it_knows_most() -> None:
    data = learned_from(strength=3)
    others_know_nothing = np.random.default_rng(4).normal(0, 1, (600, 3))
    told = Data(np.column_stack([others_know_nothing, data.matrix[:, 0] ** 3]), data.churned)

    assert isinstance(churn._candidates()[BGNBD](told.matrix, told.churned), Said)
    assert auc(told.churned, choose(told).probability(told.matrix)) > 0.85


def test_too_few_of_a_kind_are_not_learned_from() -> None:
    assert not is_learnable(np.array([True] * 500 + [False] * 29))
    assert is_learnable(np.array([True] * 500 + [False] * 30))


def test_the_part_that_is_done_is_told() -> None:
    parts: list[float] = []
    learned(learned_from(300), parts.append)

    assert parts == sorted(parts)
    assert parts[-1] == 1
