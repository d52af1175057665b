"""The machine's clock, and the clock of a program: everything else is given `now`."""

import time
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The machine's time, in UTC and milliseconds, which is what MongoDB keeps."""
    return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1_000, UTC)


def milliseconds(moment: datetime) -> datetime:
    """The moment without what MongoDB would drop."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def business_date(moment: datetime, time_zone: str) -> date:
    """The day of a moment where the program does its business."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def start_of_day(day: date, time_zone: str) -> datetime:
    """The first moment of a business day."""
    return datetime.combine(day, datetime.min.time(), ZoneInfo(time_zone)).astimezone(UTC)


def end_of_day(day: date, time_zone: str) -> datetime:
    """The last moment of a business day, in the milliseconds that times are kept in."""
    return start_of_day(day + timedelta(days=1), time_zone) - timedelta(milliseconds=1)


def months_later(moment: datetime, months: int) -> datetime:
    """The same time of day so many months later; the last day of the month where it is too short."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


@dataclass(frozen=True, slots=True)
class ProgramClock:
    """What time it is in a program: the machine's, or replayed from a time on.

    A replayed clock stands still until the first load starts it, then ticks
    on as the machine's does. Whether it stands or ticks, it may be moved.
    """

    replay_from: datetime | None = None
    started: datetime | None = None
    moved: timedelta = timedelta(0)

    @property
    def ticking(self) -> bool:
        """Whether time passes in the program by itself."""
        return self.replay_from is None or self.started is not None

    def time(self, now: datetime) -> datetime:
        """The program's time at a time of the machine."""
        if self.replay_from is None:
            return now
        ticked = now - self.started if self.started else timedelta(0)
        return self.replay_from + self.moved + ticked
