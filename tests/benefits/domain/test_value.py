"""The value of points: whole numbers, rounded once, and less for older points where a program says so."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.clock import months_later
from libs.common.redemption_policy import Depreciation, Redemption
from services.benefits.domain.ledger import Lot
from services.benefits.domain.value import Worth, worth_bp
from tests.support.builders import NOON

STEPS = (
    Depreciation(after_months=6, worth_bp=8_000),
    Depreciation(after_months=12, worth_bp=5_000),
    Depreciation(after_months=24, worth_bp=0),
)
SECOND = timedelta(seconds=1)


def a_lot(points: int, *, active: datetime = NOON) -> Lot:
    return Lot("lot_1", "p", "ann", "p/ann/points", "txn_1", "txn_1", False, 1_000, points, active, None)


@pytest.mark.parametrize(
    ("months", "worth"),
    [(0, 10_000), (5, 10_000), (6, 8_000), (11, 8_000), (12, 5_000), (24, 0), (500, 0)],
)
def test_a_point_is_worth_what_its_step_says(months: int, worth: int) -> None:
    redemption = Redemption(depreciation=STEPS)

    assert worth_bp(redemption, NOON, months_later(NOON, months)) == worth


@pytest.mark.parametrize(("late", "worth"), [(-SECOND, 10_000), (timedelta(0), 8_000)], ids=["before", "at"])
def test_a_step_begins_at_its_moment(late: timedelta, worth: int) -> None:
    assert worth_bp(Redemption(depreciation=STEPS), NOON, months_later(NOON, 6) + late) == worth


def test_without_steps_points_keep_their_value() -> None:
    redemption = Redemption(value_minor=3, points=100)

    worth = Worth.of(redemption, [a_lot(150), a_lot(50)], months_later(NOON, 600))

    assert worth.minor(200) == 6


def test_lots_of_several_ages_are_rounded_down_once() -> None:
    redemption = Redemption(value_minor=1, points=10, depreciation=STEPS)
    lots = [a_lot(9), a_lot(9, active=months_later(NOON, -6)), a_lot(9, active=months_later(NOON, -12))]

    assert Worth.of(redemption, lots, NOON).minor(27) == 2  # 0.9 + 0.72 + 0.45 = 2.07
    assert [Worth.of(redemption, [lot], NOON).minor(9) for lot in lots] == [0, 0, 0]


def test_points_are_worth_what_those_are_that_are_drawn_first() -> None:
    redemption = Redemption(depreciation=STEPS)
    old = replace(a_lot(10, active=months_later(NOON, -12)), expire_time=months_later(NOON, 1))

    worth = Worth.of(redemption, [a_lot(10), old], NOON)

    assert [worth.minor(points) for points in (2, 10, 11, 20, 21)] == [1, 5, 6, 15, 16]
    assert [worth.towards(amount) for amount in (0, 1, 5, 6, 15, 16)] == [0, 2, 10, 11, 20, 21]


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 40))
def test_time_never_makes_points_worth_more(points: int, value_minor: int, unit: int, months: int) -> None:
    redemption = Redemption(value_minor=value_minor, points=unit, depreciation=STEPS)
    lots = [a_lot(points)]

    now, later = (
        Worth.of(redemption, lots, months_later(NOON, each)).minor(points) for each in (months, months + 1)
    )

    assert redemption.worth_minor(points) >= now >= later >= 0


STRETCHES = st.lists(st.tuples(st.integers(1, 50), st.sampled_from([0, 1, 5_000, 8_000, 10_000])), max_size=5)


@given(STRETCHES, st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
def test_the_fewest_points_that_are_worth_most_of_an_amount_are_found(
    stretches: list[tuple[int, int]], value_minor: int, unit: int, amount_minor: int
) -> None:
    worth = Worth(Redemption(value_minor=value_minor, points=unit), tuple(stretches))

    found = worth.towards(amount_minor)

    tried = [worth.minor(points) for points in range(worth.points + (amount_minor + 2) * unit)]
    best = max(each for each in tried if each <= amount_minor)
    assert found == tried.index(best)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**12))
def test_points_of_full_value_are_worth_what_the_policy_says(
    value_minor: int, unit: int, amount_minor: int
) -> None:
    redemption = Redemption(value_minor=value_minor, points=unit)

    aged = Worth(redemption, ((10**6, 10_000),))

    assert aged.towards(amount_minor) == redemption.points_towards(amount_minor)
    assert aged.minor(amount_minor) == redemption.worth_minor(amount_minor)


@pytest.mark.parametrize(
    "steps",
    [[(6, 5_000), (6, 4_000)], [(12, 5_000), (6, 4_000)], [(6, 5_000), (12, 5_000)], [(6, 10_000)], [(0, 1)]],
    ids=["twice in a month", "backwards", "no less", "nothing less", "at once"],
)
def test_steps_go_on_in_time_and_down_in_worth(steps: list[tuple[int, int]]) -> None:
    with pytest.raises(ValidationError):
        Redemption(
            depreciation=tuple(Depreciation(after_months=months, worth_bp=worth) for months, worth in steps)
        )
