"""Fitted cuts: disjoint, none of their scores empty, and quintiles where there are any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.models.purchases import PurchaseLog, facts_of
from libs.models.rfm import CutsInvalidError, fitted_cuts
from tests.models.conftest import UNTIL


def scores(values: "np.typing.NDArray[np.float64]", cuts: tuple[int, ...]) -> "np.typing.NDArray[np.intp]":
    """What RFM makes of values: how many cuts are below each, and one."""
    return 1 + np.searchsorted(np.array(cuts), values, side="left")


@given(st.lists(st.integers(0, 30), min_size=5, max_size=200))
def test_cuts_are_disjoint_and_every_score_has_somebody(values: list[int]) -> None:
    column = np.array(values, np.float64)
    if len(set(values)) < 5:
        with pytest.raises(CutsInvalidError, match="different values"):
            fitted_cuts(column)
        return
    cuts = fitted_cuts(column)

    assert list(cuts) == sorted(set(cuts))
    assert set(scores(column, cuts)) == {1, 2, 3, 4, 5}


def test_values_that_all_differ_are_cut_into_fifths() -> None:
    column = np.random.default_rng(1).permutation(1000).astype(np.float64)

    assert np.bincount(scores(column, fitted_cuts(column)))[1:].tolist() == [200] * 5


def test_who_bought_later_scores_no_lower_the_fewer_the_days(log: PurchaseLog) -> None:
    """Recency counts down: by its cuts, those of the best score come again most often, of the worst least."""
    facts = facts_of(log, UNTIL.toordinal())
    days = facts["purchase.days_since_last"]
    again = log.where(log.day > UNTIL.toordinal()).days_bought() > 0
    recency = 6 - scores(days, fitted_cuts(days))

    came = [again[recency == each].mean() for each in range(1, 6)]
    assert came[4] == max(came)
    assert came[4] > 3 * came[0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_what_is_no_number_from_nothing_on_is_refused(bad: float) -> None:
    with pytest.raises(CutsInvalidError, match="spend has values"):
        fitted_cuts(np.array([1.0, 2, 3, 4, 5, bad]), "spend")
