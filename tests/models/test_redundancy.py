"""Which features are dropped, and what stands for those that a member has not."""

import numpy as np

from libs.models.redundancy import Dropped, kept_features


def test_what_is_the_same_for_all_goes_and_what_says_the_same_too() -> None:
    drawn = np.random.default_rng(1)
    one, other = drawn.integers(0, 50, 400).astype(float), drawn.integers(0, 50, 400).astype(float)
    constant = np.full(400, 7.0)
    matrix = np.column_stack([constant, one, 2 * one, other])

    kept, dropped = kept_features(matrix, ["constant", "one", "twice", "other"])
    assert kept.names == ("one", "other")
    assert dropped == [Dropped("constant"), Dropped("twice", "one")]


def test_what_never_happened_is_longest_ago() -> None:
    days = np.array([[3.0, 1.0], [np.nan, 2.0], [90.0, 5.0], [7.0, 3.0]])
    kept, _ = kept_features(days, ["login.days_since_last", "purchase.days_since_last"])

    assert kept.missing.tolist() == [90.0, 5.0]
    ready = kept.ready(days)
    assert ready[1, 0] == ready[2, 0] == np.log1p(90.0)


def test_a_feature_that_nobody_has_is_dropped() -> None:
    matrix = np.column_stack([np.full(50, np.nan), np.arange(50.0)])

    kept, dropped = kept_features(matrix, ["never", "known"])
    assert kept.names == ("known",)
    assert dropped == [Dropped("never")]


def test_losses_keep_their_sign() -> None:
    matrix = np.column_stack([np.linspace(-50, 50, 200)])
    kept, _ = kept_features(matrix, ["purchase.amount_minor.30d"])

    assert kept.ready(np.array([[-20.0], [20.0]])).tolist() == [[-np.log1p(20.0)], [np.log1p(20.0)]]
