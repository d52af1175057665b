"""Clocks: business days where the program is, whole months, and programs that live in the past."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import ProgramClock, business_date, milliseconds, months_later, now

SECONDS = st.integers(0, 7000 * 365 * 86_400)
MOMENTS = SECONDS.map(lambda seconds: datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
REPLAY_FROM = datetime(1998, 7, 1, tzinfo=UTC)
STARTED = datetime(2026, 3, 2, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_machines_time_is_in_utc_and_what_the_database_keeps() -> None:
    moment = now()

    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
    assert abs(moment - datetime.now(UTC)) < timedelta(seconds=1)


def test_a_part_of_a_millisecond_is_dropped_and_never_rounded_up() -> None:
    assert milliseconds(utc("1998-12-31T23:59:59.999999")) == utc("1998-12-31T23:59:59.999")


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("1998-03-02T15:59:59.999", "Asia/Shanghai", "1998-03-02"),
        ("1998-03-02T16:00:00", "Asia/Shanghai", "1998-03-03"),
        ("2026-03-08T04:59:59", "America/New_York", "2026-03-07"),
        ("2026-03-08T05:00:00", "America/New_York", "2026-03-08"),
        ("2026-03-09T03:59:59", "America/New_York", "2026-03-08"),
        ("2026-03-09T04:00:00", "America/New_York", "2026-03-09"),
        ("2026-11-01T03:59:59", "America/New_York", "2026-10-31"),
        ("2026-11-02T04:59:59", "America/New_York", "2026-11-01"),
        ("2026-11-02T05:00:00", "America/New_York", "2026-11-02"),
        ("2026-11-01T05:30:00", "America/New_York", "2026-11-01"),
        ("2026-11-01T06:30:00", "America/New_York", "2026-11-01"),
        ("2011-12-30T09:59:59", "Pacific/Apia", "2011-12-29"),
        ("2011-12-30T10:00:00", "Pacific/Apia", "2011-12-31"),
        ("2024-02-29T12:00:00", "UTC", "2024-02-29"),
    ],
    ids=[
        "last moment of a day in Shanghai",
        "first moment of a day in Shanghai",
        "before the day when summer time begins",
        "the day when summer time begins",
        "end of the day of 23 hours",
        "after the day of 23 hours",
        "before the day when summer time ends",
        "end of the day of 25 hours",
        "after the day of 25 hours",
        "first half past one",
        "second half past one",
        "before the day that Samoa left out",
        "after the day that Samoa left out",
        "leap day",
    ],
)
def test_the_business_day_is_that_of_the_program(moment: str, zone: str, day: str) -> None:
    assert business_date(utc(moment), zone) == date.fromisoformat(day)


def test_the_business_day_does_not_depend_on_the_zone_in_which_a_moment_is_told() -> None:
    moment = utc("1998-03-02T16:00:00")

    assert business_date(moment.astimezone(timezone(timedelta(hours=-11))), "Asia/Shanghai") == date(
        1998, 3, 3
    )


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        ("2024-01-31T10:00:00", 1, "2024-02-29T10:00:00"),
        ("2023-01-31T10:00:00", 1, "2023-02-28T10:00:00"),
        ("2024-02-29T00:00:00", 12, "2025-02-28T00:00:00"),
        ("2024-02-29T00:00:00", 48, "2028-02-29T00:00:00"),
        ("2024-12-31T23:59:59.999", 2, "2025-02-28T23:59:59.999"),
        ("2024-12-15T00:00:00", 1, "2025-01-15T00:00:00"),
        ("2024-11-30T00:00:00", 1, "2024-12-30T00:00:00"),
        ("1900-01-31T00:00:00", 1, "1900-02-28T00:00:00"),
        ("2024-05-05T05:00:00", 0, "2024-05-05T05:00:00"),
    ],
    ids=[
        "into a leap February",
        "into a February",
        "a year after a leap day",
        "four years after a leap day",
        "over the year's end",
        "into January",
        "into December",
        "1900 had no leap day",
        "none",
    ],
)
def test_months_later_is_the_same_day_or_the_last_one(moment: str, months: int, later: str) -> None:
    assert months_later(utc(moment), months) == utc(later)


@given(MOMENTS, st.integers(0, 1200))
def test_months_later_never_leaves_its_month(moment: datetime, months: int) -> None:
    later = months_later(moment, months)

    assert (later.year - moment.year) * 12 + later.month - moment.month == months
    assert later.day <= moment.day
    assert later.timetz() == moment.timetz()


@given(MOMENTS, MOMENTS, st.integers(0, 1200))
def test_months_later_keeps_the_order_of_moments(one: datetime, other: datetime, months: int) -> None:
    first, last = sorted([one, other])

    assert months_later(first.replace(hour=0), months).date() <= months_later(last, months).date()


def test_a_live_program_has_the_machines_time() -> None:
    assert ProgramClock().time(STARTED) == STARTED


def test_a_replayed_program_stands_still_until_it_is_started() -> None:
    clock = ProgramClock(replay_from=REPLAY_FROM)

    assert clock.time(STARTED) == clock.time(STARTED + timedelta(days=400)) == REPLAY_FROM


def test_a_replayed_program_ticks_as_the_machine_does_once_started() -> None:
    clock = ProgramClock(replay_from=REPLAY_FROM, started=STARTED)

    assert clock.time(STARTED) == REPLAY_FROM
    assert clock.time(STARTED + timedelta(days=3, seconds=1)) == REPLAY_FROM + timedelta(days=3, seconds=1)


@pytest.mark.parametrize("started", [None, STARTED], ids=["standing", "ticking"])
def test_a_replayed_program_may_be_moved_whether_it_ticks_or_stands(started: datetime | None) -> None:
    by = timedelta(days=30)
    clock, other = ProgramClock(REPLAY_FROM, started), ProgramClock(REPLAY_FROM, started, by)

    assert other.time(STARTED + timedelta(hours=1)) == clock.time(STARTED + timedelta(hours=1)) + by


def test_a_clock_ticks_unless_it_is_replayed_and_was_not_started() -> None:
    clocks = [ProgramClock(), ProgramClock(REPLAY_FROM), ProgramClock(REPLAY_FROM, STARTED)]

    assert [clock.ticking for clock in clocks] == [True, False, True]
