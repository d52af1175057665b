"""Windows: when a reward may be redeemed, between two times and within hours of the program's days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = 7
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of a day, from the first to before the last; on each weekday (1 to 7) or on some."""

    from_minute: int
    to_minute: int
    weekdays: tuple[int, ...] = ()

    def hold_on(self, day: date) -> bool:
        """Whether they are hours of this day."""
        return not self.weekdays or day.isoweekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class Window:
    """From a time, until before another, and within any of the hours; what is not said is no bound."""

    from_time: datetime | None = None
    until_time: datetime | None = None
    hours: tuple[Hours, ...] = ()

    def is_open(self, moment: datetime, time_zone: str) -> bool:
        """Whether a reward may be redeemed at a moment."""
        began = self.from_time is None or moment >= self.from_time
        ended = self.until_time is not None and moment >= self.until_time
        return began and not ended and self._within_hours(moment.astimezone(ZoneInfo(time_zone)))

    def next_opening(self, moment: datetime, time_zone: str) -> datetime | None:
        """When it opens next, if it ever does; a week has every hour that there may be."""
        start = moment if self.from_time is None else max(moment, self.from_time)
        today = start.astimezone(ZoneInfo(time_zone)).date()
        days = (today + timedelta(days=ahead) for ahead in range(WEEK + 1))
        openings = [start, *(opening for day in days for opening in self._openings(day, time_zone))]
        following = (each for each in openings if each >= start and self.is_open(each, time_zone))
        return min(following, default=None)

    def _within_hours(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return not self.hours or any(
            each.hold_on(local.date()) and each.from_minute <= minute < each.to_minute for each in self.hours
        )

    def _openings(self, day: date, time_zone: str) -> Iterator[datetime]:
        for each in self.hours:
            if each.hold_on(day):
                midnight = datetime.combine(day, time(), ZoneInfo(time_zone))
                yield from _first_there_is(midnight, each)


def _first_there_is(midnight: datetime, hours: Hours) -> Iterator[datetime]:
    """The first of the hours' minutes that the day has: clocks that are put forward leave some out."""
    for minute in range(hours.from_minute, hours.to_minute):
        wall = midnight + timedelta(minutes=minute)
        if (moment := wall.astimezone(UTC)).astimezone(wall.tzinfo) == wall:
            yield moment
            return
