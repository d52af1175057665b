"""Openings: when a member may use a benefit, by its schedule and by their birthday."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from libs.common.benefit_policy import BenefitGrant
from libs.common.birthdays import Birthday
from libs.common.clock import business_date, start_of_day
from services.benefits.domain.reward_windows import Window


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a benefit is open at a moment, and otherwise when it opens next; None where it never does."""

    is_open: bool
    next_time: datetime | None = None


OPEN = Opening(is_open=True)


def opening(grant: BenefitGrant, birthday: Birthday | None, at: datetime, time_zone: str) -> Opening:
    """How it is at a moment for somebody with this birthday; whoever told none never has it."""
    window = Window(grant.schedule.from_time, grant.schedule.until_time)
    if grant.birthday is None:
        following = window.next_opening(at, time_zone)
    elif birthday is None:
        following = None
    else:
        since = at if window.from_time is None else max(at, window.from_time)
        year = business_date(since, time_zone).year
        spans = [birthday.span(grant.birthday, each) for each in (year, year + 1)]
        openings = _begins(spans, since, time_zone)
        following = next((each for each in openings if window.is_open(each, time_zone)), None)
    return OPEN if following == at else Opening(is_open=False, next_time=following)


def _begins(spans: list[tuple[date, date]], since: datetime, time_zone: str) -> Iterator[datetime]:
    """The first moment of each span of days, from a time on."""
    for first, end in spans:
        begin = max(start_of_day(first, time_zone), since)
        if begin < start_of_day(end, time_zone):
            yield begin
