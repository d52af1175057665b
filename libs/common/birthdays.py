"""Birthdays: a month and a day of no year, as `05-17` wherever they are told or kept."""

from calendar import isleap
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Self, get_args

Care = Literal["day", "month"]
"""Whether something is for the day itself, or for its whole month."""
CARES: tuple[Care, ...] = get_args(Care)

FEBRUARY, LEAP_DAY = 2, 29
DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Birthday:
    """The month and the day on which somebody was born."""

    month: int
    day: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The birthday of a text that was checked, such as `05-17`."""
        month, _, day = text.partition("-")
        return cls(int(month), int(day))

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"

    def in_year(self, year: int) -> date:
        """The day in a year: of 29 February, the 28th where the year has none.

        >>> Birthday(2, 29).in_year(2027)
        datetime.date(2027, 2, 28)
        """
        moved = (self.month, self.day) == (FEBRUARY, LEAP_DAY) and not isleap(year)
        return date(year, self.month, self.day - moved)

    def is_on(self, day: date) -> bool:
        """Whether it is celebrated on a day."""
        return self.in_year(day.year) == day

    def next_from(self, day: date) -> date:
        """The first one on a day or after it."""
        this_year = self.in_year(day.year)
        return this_year if this_year >= day else self.in_year(day.year + 1)

    def cares_on(self, day: date) -> frozenset[Care]:
        """What a day is of: the birthday and its month, its month alone, or nothing.

        >>> sorted(Birthday(2, 29).cares_on(date(2027, 2, 28)))
        ['day', 'month']
        """
        spans = {care: self.span(care, day.year) for care in CARES}
        return frozenset(care for care, (first, end) in spans.items() if first <= day < end)

    def span(self, care: Care, year: int) -> tuple[date, date]:
        """The days of a care in a year: the first, and the first that is none of them."""
        day = self.in_year(year)
        if care == "day":
            return day, day + timedelta(days=1)
        last_month = self.month == DECEMBER
        end = date(year + last_month, 1 if last_month else self.month + 1, 1)
        return day.replace(day=1), end
