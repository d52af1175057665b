"""Stacking of multipliers and bonuses, and rounding: exact, and the documented figures."""

import math
from fractions import Fraction
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.multipliers import FactorKind, Rounding, Stacking, rounded, stacked

NO_CAP = 10_000_000
TIER = ("multiplier", 20_000)
OFFLINE_BONUS = ("bonus", 3_000)
OFFLINE_MULTIPLIER = ("multiplier", 13_000)
Factors = tuple[tuple[FactorKind, int], ...]

factors = st.lists(
    st.tuples(st.sampled_from(get_args(FactorKind)), st.integers(0, 50_000)), min_size=0, max_size=5
)
stackings = st.sampled_from(get_args(Stacking))


@pytest.mark.parametrize(
    ("held", "results"),
    [
        ((), (100, 100, 100)),
        ((TIER,), (200, 200, 200)),
        ((OFFLINE_BONUS,), (130, 130, 130)),
        ((TIER, OFFLINE_MULTIPLIER), (200, 230, 260)),
        ((TIER, OFFLINE_BONUS), (230, 230, 260)),
        ((TIER, OFFLINE_BONUS, ("bonus", 500)), (235, 235, 273)),
        ((TIER, ("multiplier", 20_000), ("bonus", 1_000)), (210, 310, 440)),
        ((("multiplier", 5_000),), (50, 50, 50)),
        ((("multiplier", 5_000), ("multiplier", 5_000)), (50, 0, 25)),
    ],
    ids=[
        "nothing",
        "tier",
        "bonus",
        "two multipliers",
        "tier and bonus",
        "two bonuses",
        "twice double",
        "half",
        "twice half",
    ],
)
def test_a_hundred_points_under_each_stacking(held: Factors, results: tuple[int, int, int]) -> None:
    given = tuple(math.floor(100 * stacked(held, stacking, NO_CAP)) for stacking in ("max", "sum", "product"))

    assert given == results


@given(factors, stackings, st.integers(0, 100_000))
def test_the_cap_is_never_passed_and_nothing_is_ever_taken(
    held: list[tuple[FactorKind, int]], stacking: Stacking, max_bp: int
) -> None:
    assert 0 <= stacked(held, stacking, max_bp) <= Fraction(max_bp, 10_000)


@given(st.lists(st.sampled_from([TIER, OFFLINE_BONUS, OFFLINE_MULTIPLIER]), max_size=4), stackings)
def test_the_order_of_multipliers_changes_nothing(
    held: list[tuple[FactorKind, int]], stacking: Stacking
) -> None:
    assert len({stacked(order, stacking, NO_CAP) for order in permutations(held)}) == 1


@given(factors, stackings, st.integers(10_000, 50_000))
def test_one_more_multiplier_of_at_least_once_never_takes_anything(
    held: list[tuple[FactorKind, int]], stacking: Stacking, bp: int
) -> None:
    alone = stacked([("multiplier", 10_000), *held], stacking, NO_CAP)

    assert stacked([("multiplier", 10_000), *held, ("multiplier", bp)], stacking, NO_CAP) >= alone


@pytest.mark.parametrize(
    ("exact", "floored", "nearest"),
    [("4.4999", 4, 4), ("4.5", 4, 5), ("5.5", 5, 6), ("4.9999", 4, 5), ("0.5", 0, 1), ("3", 3, 3)],
)
def test_points_are_rounded_once_as_the_program_says(exact: str, floored: int, nearest: int) -> None:
    results: dict[Rounding, int] = {"floor": floored, "half_up": nearest}

    points = Fraction(exact)

    assert {each: rounded(points.numerator, points.denominator, each) for each in results} == results
