"""Restrictions: three reporters within ninety days, until the third of them is gone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.risk.domain.restrictions import Restriction, restrictions
from tests.support.builders import DAY, NOON


@pytest.mark.parametrize("days", [[], [1], [1, 2]], ids=["none", "one", "two"])
def test_fewer_than_three_reporters_restrict_nothing(days: list[int]) -> None:
    assert restrictions([NOON + day * DAY for day in days], (), now=NOON) == ()


def test_three_reporters_restrict_interaction_with_the_reason_and_both_times() -> None:
    (restriction,) = restrictions([NOON + 9 * DAY, NOON + 3 * DAY, NOON + 5 * DAY], (), now=NOON)

    params = {"reporters": "3", "window_days": "90"}
    assert restriction == Restriction("interaction", "REPORTED_BY_SEVERAL", params, NOON, NOON + 3 * DAY)


def test_with_more_reporters_it_lasts_until_fewer_than_three_are_left() -> None:
    ends = [NOON + day * DAY for day in (1, 2, 5, 8, 13)]

    (restriction,) = restrictions(ends, (), now=NOON)

    assert restriction.until == NOON + 5 * DAY


def test_a_restriction_that_goes_on_keeps_its_start() -> None:
    ends = [NOON + day * DAY for day in (1, 2, 3)]
    before = restrictions(ends, (), now=NOON)

    (restriction,) = restrictions([*ends, NOON + 4 * DAY], before, now=NOON + timedelta(hours=1))

    assert (restriction.since, restriction.until) == (NOON, NOON + 2 * DAY)


@given(st.lists(st.integers(1, 100), min_size=3, max_size=12))
def test_at_its_end_fewer_than_three_are_left_and_just_before_it_three_or_more(days: list[int]) -> None:
    ends = [NOON + day * DAY for day in days]

    (restriction,) = restrictions(ends, (), now=NOON)

    assert sum(end > restriction.until for end in ends) < 3
    assert sum(end >= restriction.until for end in ends) >= 3
