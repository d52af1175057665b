"""Periods of contracts: when they begin and end, by the days of the program, and what is left of one."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from libs.common.clock import business_date, months_later, start_of_day
from libs.common.contract_policy import Plan
from services.benefits.domain.expiry_notices import day_end

Rounding = Literal["down", "half_up", "up"]


@dataclass(frozen=True, slots=True)
class Period:
    """From a time on until another, or for life.

    `anchor` is the day on which the first of a row of periods began, `months`
    how many they are from there to the end of this one. Ends are counted from
    the anchor, so that a row which began on a 31st never slips to the 28th.
    """

    start_time: datetime
    end_time: datetime | None
    anchor: date
    months: int = 0

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Start and end of a period that has one."""
        assert self.end_time is not None, "what lasts for life has no end"
        return self.start_time, self.end_time


def first_period(terms: Plan, at: datetime, time_zone: str) -> Period:
    """The period of a contract that begins now and follows none."""
    return _period(terms, at, business_date(at, time_zone), 0, time_zone)


def following_period(terms: Plan, before: Period, time_zone: str) -> Period:
    """The period that begins in the moment in which one ends."""
    _, end_time = before.bounds
    return _period(terms, end_time, before.anchor, before.months, time_zone)


def _period(terms: Plan, start_time: datetime, anchor: date, months: int, time_zone: str) -> Period:
    """The day of the end is the one that bears the number of the first, and belongs to the period.

    Where the month is too short it is its last; so nobody has less than the
    months that they paid for.
    """
    if terms.term_months is None:
        return Period(start_time, None, anchor)
    months += terms.term_months
    last = months_later(datetime.combine(anchor, time()), months).date()
    return Period(start_time, day_end(last, time_zone), anchor, months)


def grace_end(end_time: datetime, grace_days: int, time_zone: str) -> datetime:
    """Until when a contract grants that nothing follows: so many days after its last."""
    return start_of_day(business_date(end_time, time_zone) + timedelta(days=grace_days), time_zone)


def last_day(end_time: datetime, time_zone: str) -> date:
    """The last day of a period that ends at a time, which is a day's first moment."""
    return business_date(end_time, time_zone) - timedelta(days=1)


def reminder_time(end_time: datetime, days: int, time_zone: str) -> datetime:
    """When so many days before the last one are told: as that day begins."""
    return start_of_day(last_day(end_time, time_zone) - timedelta(days=days), time_zone)


def left_minor(amount_minor: int, period: Period, at: datetime, *, time_zone: str, rounding: Rounding) -> int:
    """What is left of a price by days: those after the day of `at`, of all that the period touches.

    >>> from datetime import UTC
    >>> begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    >>> year = Period(begin, end, date(2026, 1, 1), 12)
    >>> left_minor(128_800, year, datetime(2026, 7, 1, 9, tzinfo=UTC), time_zone="UTC", rounding="half_up")
    64576
    """
    start_time, end_time = period.bounds
    end = business_date(end_time, time_zone)
    begun = business_date(start_time, time_zone)
    whole = (end - begun).days
    unused = whole if at < start_time else (end - business_date(at, time_zone)).days - 1
    share = amount_minor * max(0, unused)
    extra = {"down": 0, "half_up": whole // 2, "up": whole - 1}[rounding]
    return (share + extra) // whole
