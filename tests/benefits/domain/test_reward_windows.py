"""Windows: open between two times and within hours of the program's days, and the next opening is told."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.benefits.domain.reward_windows import DAY_MINUTES, Hours, Window

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)  # eight in the morning in Shanghai
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LUNCH = Hours(12 * 60, 14 * 60)
WEEKEND = Hours(0, DAY_MINUTES, (6, 7))


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        pytest.param(Window(), MONDAY, True, id="without bounds"),
        pytest.param(Window(from_time=MONDAY), MONDAY, True, id="at its beginning"),
        pytest.param(Window(from_time=MONDAY), MONDAY - HOUR, False, id="before it begins"),
        pytest.param(Window(until_time=MONDAY), MONDAY - HOUR, True, id="before it ends"),
        pytest.param(Window(until_time=MONDAY), MONDAY, False, id="at its end"),
        pytest.param(Window(hours=(LUNCH,)), MONDAY + 4 * HOUR, True, id="at noon in Shanghai"),
        pytest.param(Window(hours=(LUNCH,)), MONDAY + 6 * HOUR, False, id="at two, when lunch ends"),
        pytest.param(Window(hours=(WEEKEND,)), MONDAY, False, id="on a Monday"),
        pytest.param(Window(hours=(WEEKEND,)), MONDAY - 9 * HOUR, True, id="Sunday at eleven at night"),
        pytest.param(Window(hours=(WEEKEND, LUNCH)), MONDAY + 5 * HOUR, True, id="one of several hours"),
    ],
)
def test_a_window_is_open_between_its_times_and_within_its_hours(
    window: Window, moment: datetime, is_open: bool
) -> None:
    assert window.is_open(moment, SHANGHAI) is is_open


@pytest.mark.parametrize(
    ("window", "opening"),
    [
        pytest.param(Window(hours=(LUNCH,)), MONDAY + 4 * HOUR, id="today at noon"),
        pytest.param(Window(hours=(WEEKEND,)), MONDAY + 5 * DAY - 8 * HOUR, id="Saturday at midnight"),
        pytest.param(Window(from_time=MONDAY + 30 * DAY), MONDAY + 30 * DAY, id="when it begins"),
        pytest.param(
            Window(MONDAY + 30 * DAY, hours=(WEEKEND,)),
            MONDAY + 33 * DAY - 8 * HOUR,
            id="the first weekend after it begins",
        ),
        pytest.param(Window(until_time=MONDAY - HOUR), None, id="never again"),
        pytest.param(
            Window(until_time=MONDAY + HOUR, hours=(LUNCH,)), None, id="never, as it ends before lunch"
        ),
    ],
)
def test_the_next_opening_is_told(window: Window, opening: datetime | None) -> None:
    assert window.next_opening(MONDAY, SHANGHAI) == opening


def test_hours_that_a_day_leaves_out_begin_with_the_first_minute_there_is() -> None:
    night_before = datetime(2026, 3, 8, 5, tzinfo=UTC)  # clocks go from two to three at 07:00 UTC
    window = Window(hours=(Hours(2 * 60 + 30, 5 * 60),))

    assert window.next_opening(night_before, NEW_YORK) == datetime(2026, 3, 8, 7, tzinfo=UTC)


QUARTER = timedelta(minutes=15)
quarters = st.builds(
    lambda first, length, days: Hours(first * 15, min(DAY_MINUTES, (first + length) * 15), tuple(days)),
    st.integers(0, 95),
    st.integers(1, 40),
    st.lists(st.integers(1, 7), unique=True, max_size=3),
)
moments = st.integers(0, 4 * 24 * 365).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed * QUARTER)


@settings(max_examples=60)
@given(st.lists(quarters, min_size=1, max_size=3).map(tuple), moments)
def test_it_opens_at_the_first_quarter_of_an_hour_at_which_it_is_open(
    hours: tuple[Hours, ...], moment: datetime
) -> None:
    window = Window(hours=hours)
    following = (moment + ahead * QUARTER for ahead in range(4 * 24 * 8))

    first = next(each for each in following if window.is_open(each, NEW_YORK))

    assert window.next_opening(moment, NEW_YORK) == first
