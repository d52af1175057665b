"""The value of points: whole numbers, rounded once, and less for older points where a program says so."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.common.clock import months_later
from libs.common.redemption_policy import Depreciation, Redemption
from services.benefits.domain.ledger import Lot
from services.benefits.domain.value import value_of, worth_bp
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
    lots = [a_lot(150), a_lot(50)]

    assert value_of(lots, months_later(NOON, 600), redemption=Redemption(value_minor=3, points=100)) == 6


def test_lots_of_several_ages_are_rounded_down_once() -> None:
    redemption = Redemption(value_minor=1, points=10, depreciation=STEPS)
    lots = [a_lot(9), a_lot(9, active=months_later(NOON, -6)), a_lot(9, active=months_later(NOON, -12))]

    assert value_of(lots, NOON, redemption=redemption) == 2  # 0.9 + 0.72 + 0.45 = 2.07
    assert [value_of([lot], NOON, redemption=redemption) for lot in lots] == [0, 0, 0]


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 40))
def test_time_never_makes_points_worth_more(points: int, value_minor: int, unit: int, months: int) -> None:
    redemption = Redemption(value_minor=value_minor, points=unit, depreciation=STEPS)
    lots = [a_lot(points)]

    now, later = (
        value_of(lots, months_later(NOON, each), redemption=redemption) for each in (months, months + 1)
    )

    assert redemption.worth_minor(points) >= now >= later >= 0


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
