"""Windows: the time that a fact counts in, by name, and its days."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

LIFETIME = "lifetime"
DAYS_MAX = 3_660
MONTHS_MAX = 120
_NAME = re.compile(
    r"(?P<so_far>lifetime|month|quarter|year)|(?P<days>[1-9][0-9]{0,3})d|month_avg_(?P<months>[1-9][0-9]{0,2})"
)
_YEAR = 12
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """What a name says: lifetime, or a part of the calendar so far; so many days; an average over months."""

    so_far: str = ""
    days: int = 0
    months: int = 0

    def span(self, today: date) -> "Span":
        """The days of the window on a day."""
        if self.so_far == LIFETIME:
            return Span(date.min, today)
        if self.days:
            return Span(max(date.min, _days_before(today, self.days - 1)), today)
        if self.months:
            month = today.replace(day=1)
            return Span(_months_before(month, self.months), month - timedelta(days=1), self.months)
        return Span(_months_before(today.replace(day=1), (today.month - 1) % _MONTHS[self.so_far]), today)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from one through another. Sums over it are divided by `divisor`, rounded down."""

    first: date
    last: date
    divisor: int = 1


def named_window(name: str) -> NamedWindow | None:
    """What a window's name says, None where it is none.

    >>> named_window("quarter").span(date(2026, 11, 23))
    Span(first=datetime.date(2026, 10, 1), last=datetime.date(2026, 11, 23), divisor=1)
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    window = NamedWindow(parts["so_far"] or "", int(parts["days"] or 0), int(parts["months"] or 0))
    return window if window.days <= DAYS_MAX and window.months <= MONTHS_MAX else None


def _known(name: str) -> str:
    if named_window(name) is None:
        raise ValueError(
            f"is none of lifetime, month, quarter, year, days such as 365d (up to {DAYS_MAX}), "
            f"averages such as month_avg_3 (up to {MONTHS_MAX} months)"
        )
    return name


Window = Annotated[
    str,
    AfterValidator(_known),
    Field(
        description="`lifetime`, `month`, `quarter`, `year`, days such as `365d`, averages as `month_avg_3`"
    ),
]
"""The name of a window: `lifetime`; `365d`, which end today; `month`, `quarter` and `year` of the calendar so
far; `month_avg_3`, the average over the last so many whole months."""


def _days_before(day: date, count: int) -> date:
    return day - timedelta(days=min(count, (day - date.min).days))


def _months_before(first: date, count: int) -> date:
    """The first day of the month so many months before another such day, or of all time."""
    months = first.year * _YEAR + first.month - 1 - count
    return date.min if months < _YEAR else date(months // _YEAR, months % _YEAR + 1, 1)
