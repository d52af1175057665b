"""Reveals: contact data shown whole to staff, for how long a retry is answered, and break-glasses."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.members.domain.errors import BreakGlassEnded, BreakGlassUnknown, RevealEnded

RETRIED = timedelta(minutes=5)
"""How long the same request is answered again: for a connection that broke, and not to look once more."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """That a member was shown, and not what: this is what stored answers hold."""

    reveal_id: str
    member_id: str
    until_time: datetime
    left_count: int


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """A time in which who reads no personal data may reveal members; times are the machine's."""

    break_glass_id: str
    program_id: str
    opened_by: str
    opened_time: datetime
    until_time: datetime
    reveals_count: int = 0

    def is_open(self, now: datetime) -> bool:
        """Whether it may be used."""
        return now < self.until_time


def usable(glass: BreakGlass | None, *, subject: str, now: datetime) -> BreakGlass:
    """The break-glass, which its opener alone may use, as long as it is open."""
    if glass is None or glass.opened_by != subject:
        raise BreakGlassUnknown
    if not glass.is_open(now):
        raise BreakGlassEnded(until_time=glass.until_time.isoformat(timespec="seconds"))
    return glass


def ended(glass: BreakGlass, now: datetime) -> BreakGlass:
    """The break-glass without the rest of its time; one that is over stays as it was."""
    return replace(glass, until_time=min(glass.until_time, now))


def require_retry(until_time: datetime, now: datetime) -> None:
    """Refuse a request that was answered long ago: who looks again says again why, and is counted."""
    if now >= until_time:
        raise RevealEnded(until_time=until_time.isoformat(timespec="seconds"))
