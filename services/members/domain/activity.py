"""Whether a member is about: who does nothing for so many full days sleeps, until they are seen again.

Days are of 24 hours, by the program's clock, so a change to summer time makes
none shorter. They are counted from when the member was last seen: the latest
of registration, last login and last other event. With 30 days, a member who was
last seen on the 1st at noon is dormant from the 31st at noon on.

A stay in dormancy is a **spell**: 1, 2, 3, … It begins when it is first
noticed, and ends by what the member does at that time or later. In each spell
the member is woken up once, unless it began too long before we knew. Who is seen
before the calendar looked was never asleep.

What comes late tells of the past:

- an event from before the member was last seen changes nothing;
- an event that makes the member's absence shorter than the days, seen from now,
  brings them back, as any other does;
- one that leaves them asleep even so moves the begin of their sleep. They are not
  brought back for the moment between: nobody could have met them awake;
- when either happened before the spell began, the spell was noticed too early and
  goes on: the member who falls asleep again is in the same spell, and not woken up
  twice in it.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

ActivityState = Literal["active", "dormant"]


class Activity(NamedTuple):
    """The state of a member and since when it holds.

    `absent_since` is when the member was last seen, as long as the calendar
    has to look after it; None for who sleeps and was not seen since. `spell`
    is the latest one, `spell_since` when it was noticed to begin, and `woken`
    whether the member was woken up in it.
    """

    state: ActivityState
    since: datetime
    absent_since: datetime | None
    spell: int = 0
    spell_since: datetime | None = None
    woken: bool = False


def joined(moment: datetime) -> Activity:
    """Who registers is about."""
    return Activity("active", moment, moment)


def seen(
    activity: Activity, *, last_seen: datetime, occurred: datetime, now: datetime, dormancy: timedelta
) -> Activity:
    """The state after the member did something, by the program's time now."""
    if occurred <= last_seen:
        return activity
    after = activity._replace(absent_since=occurred)
    if activity.state == "active" or occurred + dormancy <= now:
        return after
    return after._replace(state="active", since=occurred)


def asleep(activity: Activity, *, dormancy: timedelta, fresh_since: datetime) -> tuple[Activity, bool]:
    """The state when the days are over, and whether the member is to be woken up."""
    assert activity.absent_since is not None
    since = activity.absent_since + dormancy
    if activity.spell_since is None or activity.absent_since >= activity.spell_since:
        activity = activity._replace(spell=activity.spell + 1, spell_since=since, woken=False)
    wake_up = since >= fresh_since and not activity.woken
    after = activity._replace(
        state="dormant", since=since, absent_since=None, woken=activity.woken or wake_up
    )
    return after, wake_up
