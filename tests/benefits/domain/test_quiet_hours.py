"""Quiet hours: by the clock on the program's wall, over midnight and over changes of the clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.program import QuietHours
from services.benefits.domain.quiet_hours import after_quiet_hours

NIGHT = QuietHours(from_hour=22, to_hour=8)
NOON = QuietHours(from_hour=12, to_hour=14)
SHANGHAI, BERLIN, BEIRUT = "Asia/Shanghai", "Europe/Berlin", "Asia/Beirut"


def local(text: str, zone: str = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        pytest.param("2026-11-22 21:59:59", "2026-11-22 21:59:59", id="a second before"),
        pytest.param("2026-11-22 22:00", "2026-11-23 08:00", id="as they begin"),
        pytest.param("2026-11-22 23:59:59", "2026-11-23 08:00", id="before midnight"),
        pytest.param("2026-11-23 00:00", "2026-11-23 08:00", id="at midnight"),
        pytest.param("2026-11-23 07:59:59", "2026-11-23 08:00", id="a second before they end"),
        pytest.param("2026-11-23 08:00", "2026-11-23 08:00", id="as they end"),
    ],
)
def test_what_falls_into_a_night_waits_for_the_morning(moment: str, due: str) -> None:
    assert after_quiet_hours(local(moment), NIGHT, SHANGHAI) == local(due)


@pytest.mark.parametrize(
    ("moment", "due"),
    [("11:59", "11:59"), ("12:00", "14:00"), ("13:30", "14:00"), ("14:00", "14:00"), ("23:00", "23:00")],
)
def test_hours_within_a_day_end_on_that_day(moment: str, due: str) -> None:
    assert after_quiet_hours(local(f"2026-11-22 {moment}"), NOON, SHANGHAI) == local(f"2026-11-22 {due}")


def test_without_quiet_hours_everything_is_due_at_once() -> None:
    moment = local("2026-11-22 03:00")

    assert after_quiet_hours(moment, None, SHANGHAI) == moment


def test_the_morning_comes_an_hour_sooner_after_the_night_in_which_clocks_go_forward() -> None:
    evening = local("2026-03-28 22:00", BERLIN)

    assert after_quiet_hours(evening, NIGHT, BERLIN) - evening == timedelta(hours=9)


def test_the_morning_comes_an_hour_later_after_the_night_in_which_clocks_go_back() -> None:
    evening = local("2026-10-24 22:00", BERLIN)

    assert after_quiet_hours(evening, NIGHT, BERLIN) - evening == timedelta(hours=11)


def test_an_end_that_the_clocks_leave_out_is_when_they_change() -> None:
    quiet = QuietHours(from_hour=22, to_hour=2)

    due = after_quiet_hours(local("2026-03-29 01:30", BERLIN), quiet, BERLIN)

    assert due.astimezone(ZoneInfo(BERLIN)).isoformat() == "2026-03-29T03:00:00+02:00"


def test_a_midnight_that_the_clocks_leave_out_ends_quiet_hours_at_one() -> None:
    quiet = QuietHours(from_hour=20, to_hour=0)

    due = after_quiet_hours(local("2026-03-28 21:00", BEIRUT), quiet, BEIRUT)

    assert due.astimezone(ZoneInfo(BEIRUT)).isoformat() == "2026-03-29T01:00:00+03:00"


@given(
    seconds=st.integers(0, 50 * 365 * 86_400),
    hours=st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True),
    zone=st.sampled_from(
        [SHANGHAI, BERLIN, BEIRUT, "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
def test_nothing_is_due_before_it_is_made_nor_within_quiet_hours(
    seconds: int, hours: list[int], zone: str
) -> None:
    begin, end = hours
    moment = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    due = after_quiet_hours(moment, QuietHours(from_hour=begin, to_hour=end), zone)

    hour = due.astimezone(ZoneInfo(zone)).hour
    quiet = begin <= hour < end if begin < end else hour >= begin or hour < end
    assert not quiet
    assert moment <= due <= moment + timedelta(days=2)
