"""Earning: what a purchase gives, in whole points, at the tier held before it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import Program
from services.benefits.domain.earning import earnings
from tests.benefits.domain.builders import a_program


def points(program: Program, amount_minor: int, tier: str = "normal", kind: str = "purchase") -> list[int]:
    given = earnings(program, event_kind=kind, amount_minor=amount_minor, tier=tier)
    return [earning.points for earning in given]


@pytest.mark.parametrize(
    ("amount_minor", "expected"),
    [(99, 0), (100, 1), (199, 1), (200, 2)],
    ids=["below", "at", "above", "next"],
)
def test_points_are_given_for_whole_units_only(amount_minor: int, expected: int) -> None:
    assert points(a_program(), amount_minor) == [expected]


def test_a_fractional_multiplier_is_floored_once_for_the_whole_purchase() -> None:
    program = a_program(multipliers={"silver": 15_000})

    given = points(program, 399, "silver")

    assert given == [4], "three units at 1.5 are 4.5; floored unit by unit they would be 3"


def test_units_are_whole_before_they_are_multiplied() -> None:
    assert points(a_program(), 199, "silver") == [2], "doubled cents would give 3"


def test_a_purchase_of_nothing_earns_nothing_and_still_says_how_it_was_counted() -> None:
    (earning,) = earnings(a_program(), event_kind="purchase", amount_minor=0, tier="gold")

    assert (earning.points, earning.multiplier_bp, earning.tier) == (0, 20_000, "gold")


def test_the_multiplier_is_that_of_the_tier_which_is_named() -> None:
    program = a_program(multipliers={"normal": 10_000, "silver": 12_500, "gold": 17_500})

    given = [points(program, 10_000, tier) for tier in ("normal", "silver", "gold")]

    assert given == [[100], [125], [175]]


@pytest.mark.parametrize("tier", ["", "founder"], ids=["before any tier", "a tier the ladder has not"])
def test_without_a_tier_of_the_ladder_points_count_once(tier: str) -> None:
    assert points(a_program(), 10_000, tier) == [100]


def test_a_multiplier_of_zero_gives_nothing() -> None:
    assert points(a_program(multipliers={"normal": 0}), 10_000) == [0]


def test_each_rule_gives_its_own_points_and_is_floored_by_itself() -> None:
    program = a_program(
        {"unit_minor": 100, "points_per_unit": 1},
        {"unit_minor": 1_000, "points_per_unit": 3},
        multipliers={"silver": 15_000},
    )

    given = earnings(program, event_kind="purchase", amount_minor=1_999, tier="silver")

    assert [(each.rule, each.points) for each in given] == [("rule0", 28), ("rule1", 4)]


@pytest.mark.parametrize("kind", ["refund", "login", "invite", ""])
def test_what_no_rule_names_earns_nothing(kind: str) -> None:
    assert points(a_program(), 10_000, kind=kind) == []


@given(
    amount=st.integers(0, 10**12),
    unit=st.integers(1_000, 10**6),
    per_unit=st.integers(1, 100),
    multiplier_bp=st.integers(0, 100_000),
)
def test_points_are_whole_never_negative_and_less_than_one_below_the_exact_value(
    amount: int, unit: int, per_unit: int, multiplier_bp: int
) -> None:
    program = a_program(
        {"unit_minor": unit, "points_per_unit": per_unit}, multipliers={"normal": multiplier_bp}
    )

    (given,) = points(program, amount)

    exact = Fraction(amount // unit * per_unit * multiplier_bp, 10_000)
    assert type(given) is int
    assert 0 <= given <= exact < given + 1


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 100_000))
def test_spending_more_never_earns_less(amount: int, more: int, multiplier_bp: int) -> None:
    program = a_program(multipliers={"normal": multiplier_bp})

    assert points(program, amount) <= points(program, amount + more)
