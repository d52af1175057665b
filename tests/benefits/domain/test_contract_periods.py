"""Contracts run by the days of the program: months' ends, leap days, short days, and what is left of one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import business_date
from libs.common.contract_policy import Plan
from services.benefits.domain.contract_periods import (
    Period,
    first_period,
    following_period,
    grace_end,
    last_day,
    left_minor,
    reminder_time,
)
from tests.benefits.domain.contract_book import a_plan

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
ZONES = st.sampled_from([SHANGHAI, NEW_YORK, "UTC", "Pacific/Apia", "Africa/Cairo"])
MOMENTS = st.integers(0, 40_000 * 86_400).map(
    lambda each: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=each)
)


def local(zone: str, *at: int) -> datetime:
    return datetime(*at, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[arg-type, misc]


def row(terms: Plan, at: datetime, count: int, zone: str = SHANGHAI) -> list[Period]:
    """A period and those that follow it."""
    periods = [first_period(terms, at, zone)]
    while len(periods) < count:
        periods.append(following_period(terms, periods[-1], zone))
    return periods


def last_days(periods: list[Period], zone: str = SHANGHAI) -> list[str]:
    return [last_day(each.bounds[1], zone).isoformat() for each in periods]


def test_the_last_day_bears_the_number_of_the_first_and_belongs_to_the_contract() -> None:
    sold = local(SHANGHAI, 2026, 3, 2, 14, 30)

    period = first_period(a_plan(), sold, SHANGHAI)

    assert period.bounds == (sold, local(SHANGHAI, 2027, 3, 3))
    assert last_days([period]) == ["2027-03-02"]


@pytest.mark.parametrize(
    ("begun", "months", "last"),
    [
        ((2026, 1, 31), 1, ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ((2028, 2, 29), 12, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ((2027, 11, 30), 3, ["2028-02-29", "2028-05-30", "2028-08-30", "2028-11-30"]),
        ((2026, 12, 31), 2, ["2027-02-28", "2027-04-30", "2027-06-30", "2027-08-31"]),
    ],
    ids=["begun on a 31st", "begun on a leap day", "ends on a leap day", "over the year's end"],
)
def test_a_row_of_periods_never_slips_where_a_month_is_short(
    begun: tuple[int, int, int], months: int, last: list[str]
) -> None:
    sold = local(SHANGHAI, *begun, 23, 59)

    assert last_days(row(a_plan(term_months=months), sold, 4)) == last


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 1, 15, 59, tzinfo=UTC), "2026-04-01"),
        (datetime(2026, 3, 1, 16, tzinfo=UTC), "2026-04-02"),
    ],
    ids=["before midnight in Shanghai", "at midnight in Shanghai"],
)
def test_the_day_of_the_sale_is_the_one_in_the_programs_time_zone(moment: datetime, day: str) -> None:
    assert last_days(row(a_plan(term_months=1), moment, 1)) == [day]


def test_ends_are_midnights_where_clocks_are_moved_too() -> None:
    winter = local(NEW_YORK, 2026, 2, 8, 9)

    (period,) = row(a_plan(term_months=1), winter, 1, NEW_YORK)

    # The night to the eighth of March 2026 has an hour less.
    assert period.bounds[1] == local(NEW_YORK, 2026, 3, 9)
    assert period.bounds[1] - winter == timedelta(days=28, hours=14)


@given(MOMENTS, st.lists(st.integers(1, 24), min_size=1, max_size=6), ZONES)
def test_periods_of_any_lengths_follow_each_other_and_give_all_their_months(
    at: datetime, months: list[int], zone: str
) -> None:
    periods = [first_period(a_plan(term_months=months[0]), at, zone)]
    for length in months[1:]:
        periods.append(following_period(a_plan(term_months=length), periods[-1], zone))

    bounds = [each.bounds for each in periods]
    assert [start for start, _ in bounds[1:]] == [end for _, end in bounds[:-1]]
    assert all(start < end for start, end in bounds)
    whole = first_period(a_plan(term_months=sum(months)), at, zone)
    assert (bounds[0][0], bounds[-1][1]) == whole.bounds
    assert business_date(bounds[-1][1], zone) > business_date(at, zone)


def test_a_contract_for_life_has_no_end_and_may_follow_one_that_has() -> None:
    (year,) = row(a_plan(), local(SHANGHAI, 2026, 3, 2), 1)

    life = following_period(a_plan("life", lifetime=True), year, SHANGHAI)

    assert (life.start_time, life.end_time) == (year.end_time, None)


def test_grace_and_reminders_are_counted_in_days_of_the_program() -> None:
    end = local(NEW_YORK, 2026, 3, 10)

    assert grace_end(end, 3, NEW_YORK) == local(NEW_YORK, 2026, 3, 13)
    assert reminder_time(end, 7, NEW_YORK) == local(NEW_YORK, 2026, 3, 2)
    assert grace_end(end, 0, NEW_YORK) == end


DAYS = Period(local(SHANGHAI, 2026, 3, 2, 14), local(SHANGHAI, 2026, 3, 12), date(2026, 3, 2), 0)


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (local(SHANGHAI, 2026, 3, 1, 9), 1_000),
        (local(SHANGHAI, 2026, 3, 2, 23, 59), 900),
        (local(SHANGHAI, 2026, 3, 3), 800),
        (local(SHANGHAI, 2026, 3, 10, 12), 100),
        (local(SHANGHAI, 2026, 3, 11, 23, 59), 0),
        (local(SHANGHAI, 2026, 3, 20), 0),
    ],
    ids=["before it begins", "on the first day", "on the second", "two days left", "on the last day", "over"],
)
def test_the_day_of_a_refund_counts_as_used(at: datetime, left: int) -> None:
    assert left_minor(1_000, DAYS, at, time_zone=SHANGHAI, rounding="down") == left


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        (1_001, {"down": 800, "half_up": 801, "up": 801}),
        (1_000, {"down": 800, "half_up": 800, "up": 800}),
        (1_003, {"down": 802, "half_up": 802, "up": 803}),
    ],
)
def test_what_is_left_is_rounded_as_the_plan_says(amount: int, rounded: dict[str, int]) -> None:
    at = local(SHANGHAI, 2026, 3, 3, 9)

    left = {
        each: left_minor(amount, DAYS, at, time_zone=SHANGHAI, rounding=each)
        for each in ("down", "half_up", "up")
    }

    assert left == rounded


@given(
    st.integers(0, 10**12),
    MOMENTS,
    st.integers(1, 36),
    ZONES,
    st.sampled_from(["down", "half_up", "up"]),
    st.data(),
)
def test_what_is_left_never_grows_and_is_never_more_than_was_paid(
    amount: int, at: datetime, months: int, zone: str, rounding: str, data: st.DataObject
) -> None:
    period = first_period(a_plan(term_months=months), at, zone)
    start, end = period.bounds
    seconds = int((end - start).total_seconds())
    moments = sorted(data.draw(st.lists(st.integers(-86_400, seconds), min_size=2, max_size=5)))

    left = [
        left_minor(amount, period, start + timedelta(seconds=each), time_zone=zone, rounding=rounding)  # type: ignore[arg-type]
        for each in moments
    ]

    assert left == sorted(left, reverse=True)
    assert 0 <= left[-1] <= left[0] <= amount
