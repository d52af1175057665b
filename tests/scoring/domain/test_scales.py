"""Scales as steps: the points are those of the formula, to the nearest whole one."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.scale_policy import CutScale, LinearScale, LogisticScale
from services.scoring.domain.scales import decay_steps, logistic_steps, scale_steps

BOUNDS = st.integers(0, 10_000)
# How near to a half the formula may be, so that float64 does not say which way it is rounded.
UNSURE = 1e-9


def nearest(points: float) -> set[int]:
    return {math.floor(points + 0.5 - UNSURE), math.floor(points + 0.5 + UNSURE)}


def test_cuts_give_equal_parts_and_a_value_at_a_cut_belongs_below_it() -> None:
    steps = scale_steps(CutScale(kind="cuts", cuts=(1, 3, 3, 8)))

    assert [steps.level(value) for value in (-5, 0, 1, 2, 3, 4, 8, 9, 10**15)] == [
        *(0, 0, 0, 25, 25),
        *(75, 75, 100, 100),
    ]


@given(low=BOUNDS, width=st.integers(1, 10_000), value=st.integers(-100, 25_000))
def test_a_line_rises_from_its_low_end_to_its_high_one(low: int, width: int, value: int) -> None:
    steps = scale_steps(LinearScale(kind="linear", low=low, high=low + width))

    assert steps.level(value) in nearest(min(1, max(0, (value - low) / width)) * 100)
    assert (steps.level(low), steps.level(low + width)) == (0, 100)


@given(midpoint=BOUNDS, spread=st.integers(1, 10_000), value=st.integers(-10_000, 25_000))
def test_an_s_is_the_logistic_function(midpoint: int, spread: int, value: int) -> None:
    steps = scale_steps(LogisticScale(kind="logistic", midpoint=midpoint, spread=spread))

    assert steps.level(value) in nearest(100 * (0.5 + math.tanh((value - midpoint) / spread / 2) / 2))
    assert steps.level(midpoint) == 50


@given(half_life=st.integers(1, 3650), age=st.integers(0, 100_000))
def test_decay_halves_with_each_half_life(half_life: int, age: int) -> None:
    assert decay_steps(half_life).level(age) in nearest(100 * 0.5 ** (age / half_life))


@pytest.mark.parametrize("half_life", [1, 7, 30, 3650])
def test_what_is_older_never_weighs_more(half_life: int) -> None:
    steps = decay_steps(half_life)

    levels = [steps.level(age) for age in range(0, 20 * half_life, max(1, half_life // 50))]

    assert levels == sorted(levels, reverse=True)
    assert [steps.level(half_life * lives) for lives in (0, 1, 2, 9)] == [100, 50, 25, 0]


@settings(max_examples=30)
@given(scale=st.sampled_from([(0, 1), (500, 100), (10**15, 10**15)]), value=st.integers(-(2**53), 2**53))
def test_downwards_is_what_is_missing_to_all(scale: tuple[int, int], value: int) -> None:
    policy = LogisticScale(kind="logistic", midpoint=scale[0], spread=scale[1])

    assert scale_steps(policy, "down").level(value) == 100 - scale_steps(policy).level(value)


def test_the_starts_of_the_widest_scale_are_whole_numbers_that_float64_holds() -> None:
    starts = logistic_steps(10**15, 10**15, 1_000).starts

    assert list(starts) == sorted(starts)
    assert [int(float(start)) for start in starts] == list(starts)
    assert max(map(abs, starts)) < 2**53


def test_steps_are_the_same_numbers_on_every_machine() -> None:
    steps = logistic_steps(5_000, 1_000, 1_000)

    assert (steps.starts[0], steps.starts[499], steps.starts[500], steps.starts[-1]) == (
        -2600,
        4998,
        5003,
        12601,
    )
    assert decay_steps(30).starts[:5] == (1, 1, 2, 2, 2)
