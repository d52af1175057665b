"""Value segments: from the best down, the same for everybody everywhere, steady, refused clearly."""

import numpy as np
import pytest

from libs.models.centres import Floats, Segments, labels_of, rfm_of
from libs.models.purchases import PurchaseLog, facts_of
from libs.models.segments import SegmentsInvalidError, fit
from tests.models.conftest import UNTIL


@pytest.fixture(scope="module")
def rfm(log: PurchaseLog) -> Floats:
    facts = facts_of(log, UNTIL.toordinal())
    return rfm_of(
        facts["purchase.days_since_last"],
        facts["purchase.distinct_days.lifetime"],
        facts["purchase.amount_minor.lifetime"],
    )


@pytest.fixture(scope="module")
def found(rfm: Floats) -> Segments:
    return fit(rfm)


def test_segments_are_ordered_from_the_best_down(found: Segments) -> None:
    days, bought, spend = found.typical().T

    assert days[0] == days.min()
    assert bought[0] == bought.max()
    assert spend.tolist() == sorted(spend, reverse=True)
    assert sum(found.sizes) == 2357
    assert min(found.sizes) > 100
    assert found.silhouette > 0.3


def test_batches_and_orders_give_the_same_segments(rfm: Floats, found: Segments) -> None:
    order = np.random.default_rng(1).permutation(len(rfm))
    whole = found.of(rfm)

    assert (found.of(rfm[order]) == whole[order]).all()
    assert found.of(rfm[5:6])[0] == whole[5]


def test_the_same_population_is_divided_alike_again_in_any_order(rfm: Floats, found: Segments) -> None:
    order = np.random.default_rng(2).permutation(len(rfm))

    assert (fit(rfm[order], before=found).of(rfm) == found.of(rfm)).mean() > 0.99


def test_who_has_not_changed_stays_where_they_were_when_others_come(rfm: Floats, found: Segments) -> None:
    later = np.concatenate([rfm, rfm[:400] * [1.1, 1.0, 1.2]])

    assert (fit(later, before=found).of(rfm) == found.of(rfm)).mean() > 0.95


@pytest.mark.parametrize("count", [0, 1, 3, 21])
def test_more_segments_than_can_be_told_apart_are_refused(count: int) -> None:
    two = np.array([[1.0, 1.0, 100.0], [9.0, 2.0, 500.0]] * 50)

    with pytest.raises(SegmentsInvalidError, match="2 to 2 can be told apart"):
        fit(two, count)


def test_customers_who_are_all_alike_are_not_divided() -> None:
    with pytest.raises(SegmentsInvalidError, match="50 customers, none different from another"):
        fit(np.array([[1.0, 1.0, 100.0]] * 50), 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_what_is_no_number_from_nothing_on_is_refused(rfm: Floats, bad: float) -> None:
    spoilt = rfm.copy()
    spoilt[3, 1] = bad

    with pytest.raises(SegmentsInvalidError, match="numbers from 0 on"):
        fit(spoilt)


def test_huge_values_are_divided_like_others(rfm: Floats) -> None:
    assert sum(fit(rfm * 1e12).sizes) == len(rfm)


def test_nobody_is_refused() -> None:
    with pytest.raises(SegmentsInvalidError):
        fit(np.empty((0, 3)))


def test_other_numbers_of_segments_are_called_by_their_place() -> None:
    assert labels_of(4)[0] == "high_value"
    assert labels_of(2) == ["segment_1", "segment_2"]
