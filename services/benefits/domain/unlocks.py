"""Unlocks: benefits that open after so many months in a row of a standard."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from libs.common.benefit_policy import Unlock

MONTHS_OF_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """Which standard a member had in a month."""

    program_id: str
    member_id: str
    month: str
    standard: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a benefit is from being open: months in a row so far, of those that are needed."""

    benefit: str
    unlock: Unlock
    months: int

    @property
    def unlocked(self) -> bool:
        """Whether it is open."""
        return self.months >= self.unlock.months


def month_of(day: date) -> str:
    """The month of a day.

    >>> month_of(date(2026, 11, 23))
    '2026-11'
    """
    return f"{day.year:04d}-{day.month:02d}"


def progress(benefit: str, unlock: Unlock, standings: Iterable[Standing], today: date) -> Progress:
    """How far a benefit is, given a member's standings up to now.

    Months in a row count up to this one or the one before, whose standard may
    not be known yet. What was open once stays open.
    """
    held = sorted({_place(each.month) for each in standings if each.standard == unlock.standard})
    this = _place(month_of(today))
    longest = current = 0
    last = None
    for place in held:
        current = current + 1 if last is not None and place == last + 1 else 1
        longest, last = max(longest, current), place
    if longest >= unlock.months:
        return Progress(benefit, unlock, unlock.months)
    return Progress(benefit, unlock, current if last in {this, this - 1} else 0)


def _place(month: str) -> int:
    """Months as a number that goes up by one."""
    year, of_year = month.split("-")
    return int(year) * MONTHS_OF_A_YEAR + int(of_year)
