"""Moving a sandbox's clock: forward, and not beyond what times can be told."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clock import ProgramClock
from libs.common.errors import InvalidRequest
from services.members.domain.clocks import MOVE_MAX, TIME_MAX, moved
from services.members.domain.errors import ClockBackwards, ClockLive

REPLAY_FROM = datetime(1998, 7, 1, tzinfo=UTC)
STARTED = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = STARTED + timedelta(hours=5)
DAY = timedelta(days=1)
STANDING, TICKING = ProgramClock(REPLAY_FROM), ProgramClock(REPLAY_FROM, STARTED)


@pytest.mark.parametrize("clock", [STANDING, TICKING], ids=["standing", "ticking"])
def test_a_sandbox_is_moved_by_so_much_whether_it_ticks_or_stands(clock: ProgramClock) -> None:
    after = moved(clock, 30 * DAY, now=NOW)

    assert after.time(NOW) == clock.time(NOW) + 30 * DAY
    assert after.ticking is clock.ticking


@pytest.mark.parametrize("clock", [STANDING, TICKING], ids=["standing", "ticking"])
def test_a_sandbox_is_moved_to_a_time(clock: ProgramClock) -> None:
    target = datetime(1998, 9, 1, tzinfo=UTC)

    assert moved(clock, target, now=NOW).time(NOW) == target


def test_moves_add_up_and_the_clock_ticks_on() -> None:
    after = moved(moved(TICKING, 3 * DAY, now=NOW), 4 * DAY, now=NOW)

    assert after.time(NOW + DAY) == REPLAY_FROM + timedelta(hours=5) + 8 * DAY


def test_a_program_on_the_machines_clock_is_not_moved() -> None:
    with pytest.raises(ClockLive):
        moved(ProgramClock(), DAY, now=NOW)


@pytest.mark.parametrize("back", [timedelta(0), timedelta(milliseconds=1), 400 * DAY], ids=str)
def test_no_clock_is_moved_backwards_or_to_where_it_is(back: timedelta) -> None:
    with pytest.raises(ClockBackwards) as refusal:
        moved(TICKING, TICKING.time(NOW) - back, now=NOW)

    assert refusal.value.facts == {"time": "1998-07-01T05:00:00.000+00:00"}


@pytest.mark.parametrize(
    "target",
    [MOVE_MAX + timedelta(seconds=1), REPLAY_FROM + MOVE_MAX + DAY, TIME_MAX, timedelta(days=999_999_999)],
    ids=["by too much", "to too far", "to the end of times", "beyond all times"],
)
def test_no_clock_is_moved_further_than_a_hundred_years(target: datetime | timedelta) -> None:
    with pytest.raises(InvalidRequest):
        moved(TICKING, target, now=NOW)


def test_many_moves_end_before_times_do() -> None:
    clock = STANDING
    while clock.time(NOW) + MOVE_MAX < TIME_MAX:
        clock = moved(clock, MOVE_MAX, now=NOW)

    with pytest.raises(InvalidRequest):
        moved(clock, MOVE_MAX, now=NOW)
