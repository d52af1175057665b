"""Gamma-Gamma: the note's figures, and what it expects of whom."""

import numpy as np
import pytest

from libs.models import gamma_gamma
from libs.models.gamma_gamma import GammaGamma
from libs.models.purchases import Repeats


def spending(frequency: list[float], value: list[float]) -> Repeats:
    weeks = np.full(len(value), 39.0)
    return Repeats(np.array(frequency), weeks, weeks, np.array(value))


def test_the_parameters_are_those_of_the_note(repeats: Repeats) -> None:
    found = gamma_gamma.fit(repeats)

    assert ((repeats.frequency > 0) & (repeats.value > 0)).sum() == 946
    assert found.problem == ""
    assert found.parameters == pytest.approx((6.25, 3.74, 15.44), rel=0.02)


def test_who_was_seen_often_is_expected_to_spend_as_before() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    everybody = 6.25 * 15.44 / (3.74 - 1)

    never, once, often = model.expected(spending([0, 1, 1000], [0, 100, 100]))
    assert never == pytest.approx(everybody)
    assert everybody < once < often
    assert often == pytest.approx(100, rel=0.01)


def test_repeats_that_cost_nothing_tell_nothing() -> None:
    assert gamma_gamma.fit(spending([3, 4], [0, 0])).problem == "nobody has bought again and paid"
    free, none = GammaGamma(6.25, 3.74, 15.44).expected(spending([3, 0], [0, 0]))
    assert free == none


def test_spend_that_is_the_same_for_all_is_not_identified() -> None:
    found = gamma_gamma.fit(spending([2.0] * 100, [10.0] * 100))

    assert found.problem


def test_spend_without_a_mean_is_said() -> None:
    drawn = np.random.default_rng(3)
    scale = drawn.gamma(0.7, 1 / 5.0, 3000)
    frequency = drawn.integers(1, 8, 3000).astype(float)
    value = drawn.gamma(4.0 * frequency, 1 / scale) / frequency
    found = gamma_gamma.fit(spending(frequency.tolist(), value.tolist()))

    assert found.problem == "q is 1 or less: spend has no mean"
    assert found.parameters[1] == pytest.approx(0.7, rel=0.1)


@pytest.mark.parametrize("worth", [0.3, 150.0, 25_000.0], ids=["dinars", "yen", "dongs"])
def test_any_currency_gives_the_same_model(repeats: Repeats, worth: float) -> None:
    dollars = gamma_gamma.fit(repeats)
    theirs = gamma_gamma.fit(Repeats(repeats.frequency, repeats.recency, repeats.age, repeats.value * worth))

    p, q, gamma = dollars.parameters
    assert theirs.problem == ""
    assert theirs.parameters == pytest.approx((p, q, gamma * worth), rel=1e-3)
    # A density of amounts that are so many times as large is so many times as low.
    assert theirs.log_likelihood == pytest.approx(dollars.log_likelihood - 946 * np.log(worth), abs=0.01)
