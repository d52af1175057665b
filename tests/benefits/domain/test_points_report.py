"""The report of points: what is expected of months that are closed, and what all outstanding points cost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.redemption_policy import Depreciation, Redemption
from services.benefits.domain.points_report import (
    Cohort,
    Conservation,
    PointsReport,
    expected_redemption,
    month_end,
)
from tests.support.builders import NOON

SHANGHAI = "Asia/Shanghai"


def a_month(place: int, **points: int) -> Cohort:
    return Cohort(f"{1990 + place // 12}-{place % 12 + 1:02d}", points)


def a_report(*cohorts: Cohort, **fields: Any) -> PointsReport:
    """A report whose accounts say what its cohorts do."""
    states = {
        state: sum(each[state] for each in cohorts)
        for state in ("pending", "active", "held", "spent", "expired", "reversed")
    }
    settings = {
        "arrears": 0,
        "redemption": Redemption(value_minor=1, points=100),
        "as_of": NOON,
        "time_zone": SHANGHAI,
    }
    return PointsReport(
        Conservation(sum(states.values()), states), cohorts=cohorts, **dict[str, Any](settings | fields)
    )


def test_what_was_issued_is_somewhere() -> None:
    found = Conservation.of({"issuer": -100, "": 40, "pending": 10, "held": 5, "spent": 20, "expired": 25})

    assert (found.issued, found.difference) == (100, 0)
    assert found.states == {
        "pending": 10,
        "active": 40,
        "held": 5,
        "spent": 20,
        "expired": 25,
        "reversed": 0,
    }


def test_points_of_nothing_are_the_difference() -> None:
    assert Conservation.of({"issuer": -100, "": 101}).difference == -1


def test_a_purpose_that_is_new_counts_as_a_state() -> None:
    found = Conservation.of({"issuer": -100, "": 60, "donated": 40})

    assert (found.states["donated"], found.difference) == (40, 0)


def test_expected_redemption_is_what_closed_months_have_shown() -> None:
    months = [a_month(0, spent=60, expired=40, reversed=500), a_month(1, spent=30), a_month(2, active=10)]

    found = expected_redemption(months)

    assert (found.redeemed_bp, found.months) == (6_923, 2)


def test_a_month_that_was_spent_before_its_elders_does_not_count() -> None:
    months = [a_month(0, spent=50, expired=50), a_month(1, active=1), a_month(2, spent=1_000)]

    assert expected_redemption(months).redeemed_bp == 5_000


def test_the_last_two_years_of_closed_months_count() -> None:
    months = [a_month(place, expired=100) for place in range(6)]
    months += [a_month(place, spent=100) for place in range(6, 30)]

    found = expected_redemption(months)

    assert (found.redeemed_bp, found.months) == (10_000, 24)


@pytest.mark.parametrize("months", [[], [a_month(0, active=5, spent=9)], [a_month(0, reversed=5)]])
def test_with_nothing_to_go_by_all_points_are_expected(months: list[Cohort]) -> None:
    found = expected_redemption(months)

    assert (found.redeemed_bp, found.months) == (10_000, 0)


def test_liability_is_outstanding_times_value_times_what_is_expected_rounded_up() -> None:
    report = a_report(a_month(0, spent=1, expired=2), a_month(1, pending=100, active=250, held=51))

    assert report.outstanding == 401
    assert report.liability_minor == 2  # 4.01 × 0.3333


def test_who_owes_points_lessens_nothing() -> None:
    report = a_report(a_month(0, active=-300), arrears=500)

    assert report.outstanding == 200
    assert report.liability_minor == 2


def test_older_points_cost_less_where_they_depreciate() -> None:
    halved = Redemption(value_minor=1, points=1, depreciation=(Depreciation(after_months=6, worth_bp=5_000),))
    cohorts = [Cohort("1997-08", {"active": 100}), Cohort("1997-09", {"active": 100})]

    report = a_report(*cohorts, redemption=halved)  # as of 2 March 1998

    assert [report.worth_bp(each) for each in cohorts] == [5_000, 10_000]
    assert [report.cohort_liability_minor(each) for each in cohorts] == [50, 100]
    assert report.liability_minor == 150


@given(st.integers(0, 10**12), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_liability_is_never_below_what_is_expected_and_never_a_unit_above(
    active: int, spent: int, expired: int, unit: int
) -> None:
    report = a_report(
        a_month(0, spent=spent, expired=expired),
        a_month(1, active=active),
        redemption=Redemption(value_minor=7, points=unit),
    )

    exact = active * 7 * report.expected.redeemed_bp
    assert 0 <= report.liability_minor * unit * 10_000 - exact < unit * 10_000


@given(
    st.lists(st.integers(0, 10**9), max_size=5),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 10**4),
)
def test_the_liabilities_of_months_are_that_of_all_with_less_than_a_unit_more_for_each(
    outstanding: list[int], spent: int, expired: int, unit: int
) -> None:
    months = [a_month(0, spent=spent, expired=expired)]
    months += [a_month(place, active=each) for place, each in enumerate(outstanding, 1)]
    report = a_report(*months, redemption=Redemption(value_minor=7, points=unit))

    by_month = [report.cohort_liability_minor(each) for each in months]

    assert by_month[0] == 0
    assert 0 <= sum(by_month) - report.liability_minor <= len(outstanding)


@pytest.mark.parametrize(
    ("points", "breakage_bp"),
    [
        ({}, 0),
        ({"active": 9, "reversed": 1}, 0),
        ({"spent": 5}, 0),
        ({"expired": 5}, 10_000),
        ({"spent": 2, "expired": 1, "active": 7, "moved": 3}, 3_333),
    ],
    ids=["nothing", "nothing has ended", "all spent", "all expired", "a third, rounded down"],
)
def test_breakage_is_what_expired_of_what_was_spent_or_expired(
    points: dict[str, int], breakage_bp: int
) -> None:
    assert a_month(0, **points).breakage_bp == breakage_bp


def test_a_month_ends_where_the_program_is() -> None:
    assert month_end("1998-12", SHANGHAI).isoformat() == "1999-01-01T00:00:00+08:00"
