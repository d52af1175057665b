"""Measures, against their definitions and against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from libs.models.measures import Ranking, auc, calibration, calibration_error, lead


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_the_probability_of_the_right_order(pairs: list[tuple[bool, int]]) -> None:
    labels, scores = np.array([each for each, _ in pairs]), np.array([float(each) for _, each in pairs])
    if labels.all() or not labels.any():
        return
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def test_weights_count_customers_as_often_as_they_were_drawn() -> None:
    labels, scores = np.array([False, True, True, False]), np.array([0.1, 0.4, 0.2, 0.3])
    twice = np.array([1, 2, 0, 1])

    drawn = Ranking(labels, scores).auc(twice.astype(float))
    assert drawn == auc(np.repeat(labels, twice), np.repeat(scores, twice))


def test_a_ranking_leads_itself_by_nothing() -> None:
    drawn = np.random.default_rng(1)
    labels, scores = drawn.random(500) < 0.3, drawn.random(500)

    assert lead(labels, scores, scores) == lead(labels, scores, 2 * scores)
    assert lead(labels, scores, scores).low == 0 == lead(labels, scores, scores).high


def test_a_better_ranking_leads_by_an_interval_above_nothing() -> None:
    drawn = np.random.default_rng(2)
    labels = drawn.random(2000) < 0.4
    good, poor = labels + drawn.normal(0, 1, 2000), labels + drawn.normal(0, 4, 2000)

    found = lead(labels, good, poor)
    assert 0 < found.low < found.value < found.high


def test_calibration_bins_have_equal_width_and_one_is_in_the_last() -> None:
    labels = np.array([True, False, True])
    bins = calibration(labels, np.array([0.05, 0.05, 1.0]))

    assert [each.count for each in bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (bins[0].said, bins[0].came) == (0.05, 0.5)
    assert calibration_error(labels, np.array([0.05, 0.05, 1.0])) == pytest.approx(2 / 3 * 0.45)
