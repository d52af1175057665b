"""Birthdays: days of no year, what 29 February is in other years, and the days of a care."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.birthdays import Birthday

DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))
BIRTHDAYS = DAYS.map(lambda day: Birthday(day.month, day.day))


@given(BIRTHDAYS)
def test_what_is_told_is_what_was_kept(birthday: Birthday) -> None:
    assert Birthday.parse(str(birthday)) == birthday


@given(BIRTHDAYS, DAYS)
def test_there_is_one_in_every_year_and_the_next_is_within_one(birthday: Birthday, day: date) -> None:
    following = birthday.next_from(day)

    assert timedelta(0) <= following - day <= timedelta(days=366)
    assert birthday.in_year(following.year) == following
    first, end = birthday.span("month", day.year)
    assert first <= birthday.in_year(day.year) < end
    assert (first.day, end.day) == (1, 1)


@pytest.mark.parametrize(("year", "day"), [(2027, 28), (2028, 29), (2100, 28)])
def test_the_29_february_is_the_28th_where_the_year_has_none(year: int, day: int) -> None:
    born = Birthday(2, 29)

    assert born.in_year(year) == date(year, 2, day)
    assert born.span("day", year) == (date(year, 2, day), date(year, 2, day) + timedelta(days=1))


def test_a_month_at_the_end_of_the_year_ends_with_it() -> None:
    assert Birthday(12, 31).span("month", 2026) == (date(2026, 12, 1), date(2027, 1, 1))
