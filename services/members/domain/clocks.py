"""Moving the clock of a sandbox: forward only, and not beyond what calendars hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from libs.common.clock import ProgramClock
from libs.common.errors import InvalidRequest
from services.members.domain.errors import ClockBackwards, ClockLive

MOVE_MAX = timedelta(seconds=3_155_760_000)
# As far as our protos take times, so that what is due after the last of them can still be told.
TIME_MAX = datetime(9000, 1, 1, tzinfo=UTC)


def moved(clock: ProgramClock, target: datetime | timedelta, *, now: datetime) -> ProgramClock:
    """The clock after it was moved to a time, or by so much."""
    if clock.replay_from is None:
        raise ClockLive
    time = clock.time(now)
    try:
        to = target if isinstance(target, datetime) else time + target
    except OverflowError:
        to = datetime.max.replace(tzinfo=UTC)
    if to <= time:
        raise ClockBackwards(time=time.isoformat(timespec="milliseconds"))
    if to - time > MOVE_MAX or to >= TIME_MAX:
        raise InvalidRequest(target="at most 100 years further, and not beyond the year 8999")
    return replace(clock, moved=clock.moved + (to - time))
