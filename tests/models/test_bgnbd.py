"""BG/NBD: the paper's figures, and that what it says of the future is one distribution."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import hyp2f1

from libs.models import bgnbd
from libs.models.bgnbd import BgNbd, Floats, _likelihood
from libs.models.fitting import Maximum
from libs.models.purchases import Repeats

PAPER = BgNbd(0.243, 4.414, 0.793, 2.426)
WEEKS = 39.0


@pytest.fixture(scope="module")
def found(repeats: Repeats) -> Maximum:
    return bgnbd.fit(repeats)


def some(frequency: list[float], recency: list[float], age: list[float]) -> Repeats:
    return Repeats(np.array(frequency), np.array(recency), np.array(age), np.zeros(len(age)))


def test_the_parameters_are_those_of_the_paper(found: Maximum) -> None:
    assert found.problem == ""
    assert found.parameters == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.1)


def test_the_gradient_is_that_of_the_likelihood(repeats: Repeats) -> None:
    counts, places = np.unique(repeats.frequency, return_inverse=True)

    def at(logarithms: Floats) -> tuple[float, Floats]:
        return _likelihood(np.exp(logarithms), repeats, counts, places)

    for place in ([-1.4, 1.5, -0.2, 0.9], [0.5, -0.5, 1.0, -1.0]):
        off = check_grad(lambda each: at(each)[0], lambda each: at(each)[1], np.array(place), epsilon=1e-6)
        assert off / np.linalg.norm(at(np.array(place))[1]) < 1e-4


def test_the_paper_s_customer() -> None:
    """Fader, Hardie and Lee: x = 2, t_x = 30.43, T = 38.86 has 1.226 purchases more to come in 39 weeks."""
    customer = some([2.0], [30.43], [38.86])

    assert PAPER.expected(customer, WEEKS)[0] == pytest.approx(1.226, abs=0.001)


def test_the_transformed_series_is_the_paper_s(repeats: Repeats) -> None:
    x, share = repeats.frequency, WEEKS / (PAPER.alpha + repeats.age + WEEKS)
    series = hyp2f1(PAPER.r + x, PAPER.b + x, PAPER.a + PAPER.b + x - 1, share)
    later = ((PAPER.alpha + repeats.age) / (PAPER.alpha + repeats.age + WEEKS)) ** (PAPER.r + x)
    paper = (PAPER.a + PAPER.b + x - 1) / (PAPER.a - 1) * (1 - later * series) * PAPER.alive(repeats)

    np.testing.assert_allclose(PAPER.expected(repeats, WEEKS), paper, rtol=1e-9)


def test_probabilities_of_counts_add_up_to_the_expectation(repeats: Repeats) -> None:
    ones = np.ones(len(repeats.age))
    added = sum(PAPER.at_least(count * ones, repeats, WEEKS) for count in range(1, 400))

    np.testing.assert_allclose(added, PAPER.expected(repeats, WEEKS), rtol=1e-8)


def test_quantiles_are_the_least_counts_that_reach_their_part(repeats: Repeats) -> None:
    high = PAPER.quantile(0.9, repeats, WEEKS)

    assert (1 - PAPER.at_least(high + 1, repeats, WEEKS) >= 0.9).all()
    above = high > 0
    assert (1 - PAPER.at_least(high, repeats, WEEKS) < 0.9)[above].all()
    assert (PAPER.quantile(0.1, repeats, WEEKS) <= high).all()


def test_who_never_came_again_has_not_left_and_who_stopped_probably_has() -> None:
    customers = some([0, 10, 10], [0, 38, 5], [39, 39, 39])

    once, lately, long_ago = PAPER.alive(customers)
    assert once == 1
    assert lately > 0.9
    assert long_ago < 0.01


def test_customers_with_thousands_of_repeats_have_finite_figures() -> None:
    customers = some([5000, 5000], [520, 100], [520, 520])

    expected = PAPER.expected(customers, 52)
    assert np.isfinite(expected).all()
    assert expected[0] == pytest.approx(5000 / 520 * 52, rel=0.1)
    assert expected[1] < 1e-6


def test_where_a_is_one_the_expectation_is_that_of_its_neighbours(repeats: Repeats) -> None:
    one, near = (BgNbd(0.243, 4.414, a, 2.426).expected(repeats, WEEKS) for a in (1.0, 1.0001))

    np.testing.assert_allclose(one, near, rtol=1e-3)


def test_batches_and_orders_give_the_same_bits(repeats: Repeats) -> None:
    order = np.random.default_rng(1).permutation(len(repeats.age))
    mixed = Repeats(*(getattr(repeats, each)[order] for each in ("frequency", "recency", "age", "value")))
    one = Repeats(*(getattr(repeats, each)[7:8] for each in ("frequency", "recency", "age", "value")))

    whole = PAPER.expected(repeats, WEEKS)
    assert (PAPER.expected(mixed, WEEKS) == whole[order]).all()
    assert PAPER.expected(one, WEEKS)[0] == whole[7]


def test_without_repeats_nothing_is_fitted_and_why_is_said() -> None:
    assert bgnbd.fit(some([0, 0], [0, 0], [10, 20])).problem == "nobody has bought again"


def test_buyers_by_the_clock_have_no_parameters_that_the_data_tell() -> None:
    regular = some([12.0] * 200, [36.0] * 200, [37.0] * 200)

    assert "border" in bgnbd.fit(regular).problem
