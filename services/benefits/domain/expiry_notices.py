"""Expiry notices: how far ahead members are told of the days on which their points expire."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from libs.common.clock import business_date, start_of_day
from services.benefits.domain.ledger import Lot


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the notices so many days ahead are: behind a lot, in the order of expiry."""

    program_id: str
    days: int
    expire_time: datetime
    lot_id: str = ""

    def ahead(self, lot: Lot) -> bool:
        """Whether it has not come to a lot yet."""
        expires = lot.expire_time
        return expires is not None and (expires, lot.lot_id) > (self.expire_time, self.lot_id)

    def behind(self, lot: Lot) -> "Walk":
        """The walk when it has come to a lot."""
        assert lot.expire_time is not None, "what never expires is in no walk"
        return replace(self, expire_time=lot.expire_time, lot_id=lot.lot_id)


def first_walk(program_id: str, days: int, time_zone: str, at: datetime) -> Walk:
    """A walk that begins with the points to be told of on the day of a time of the program."""
    expires = business_date(at, time_zone) + timedelta(days=days)
    return Walk(program_id, days, start_of_day(expires, time_zone))


def notice_time(expires: date, days: int, time_zone: str) -> datetime:
    """When a day's expiry is told: when the day begins that lies so many days before."""
    return start_of_day(expires - timedelta(days=days), time_zone)


def told_until(days: int, time_zone: str, until: datetime) -> datetime:
    """The expiry of what is to be told of by a time lies before this one."""
    return day_end(business_date(until, time_zone) + timedelta(days=days), time_zone)


def day_end(day: date, time_zone: str) -> datetime:
    """The first moment after a business day."""
    return start_of_day(day + timedelta(days=1), time_zone)
