"""Dormancy: who was not seen for the days sleeps, is woken up once a spell, and is back when seen again."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.activity import Activity, asleep, joined, seen

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = timedelta(days=30)
MOMENT = timedelta(milliseconds=1)


@dataclass
class Ann:
    """A member over time: what she does, what the calendar does, and what was signalled."""

    now: datetime = NOON
    dormancy: timedelta = DAYS
    activity: Activity = field(default_factory=lambda: joined(NOON))
    last_seen: datetime = NOON
    woken: list[int] = field(default_factory=list)

    def does(self, at: datetime) -> None:
        """Something that happened at a time is recorded now."""
        self.activity = seen(
            self.activity, last_seen=self.last_seen, occurred=at, now=self.now, dormancy=self.dormancy
        )
        self.last_seen = max(self.last_seen, at)

    def passes(self, time: datetime, *, fresh_since: datetime = NOON) -> None:
        """The program's clock goes on, and the calendar with it."""
        self.now = time
        absent_since = self.activity.absent_since
        if absent_since is not None and absent_since + self.dormancy <= time:
            self.activity, wake_up = asleep(self.activity, dormancy=self.dormancy, fresh_since=fresh_since)
            self.woken += [self.activity.spell] if wake_up else []

    @property
    def state(self) -> tuple[str, datetime, int]:
        return self.activity.state, self.activity.since, self.activity.spell


def test_after_29_days_a_member_is_about_and_after_30_full_days_asleep() -> None:
    ann = Ann()

    ann.passes(NOON + 29 * DAY)
    after_29 = ann.state
    ann.passes(NOON + 30 * DAY - MOMENT)
    just_before = ann.state
    ann.passes(NOON + 30 * DAY)

    assert after_29 == just_before == ("active", NOON, 0)
    assert ann.state == ("dormant", NOON + 30 * DAY, 1)
    assert ann.woken == [1]


@pytest.mark.parametrize(
    ("last_seen", "asleep_from"),
    [
        ("2026-03-01T12:00:00+01:00", "2026-03-31T13:00:00+02:00"),
        ("2026-10-01T12:00:00+02:00", "2026-10-31T11:00:00+01:00"),
        ("2028-02-10T12:00:00+01:00", "2028-03-11T12:00:00+01:00"),
        ("2027-02-10T12:00:00+01:00", "2027-03-12T12:00:00+01:00"),
        ("2026-12-15T23:59:59.999+01:00", "2027-01-14T23:59:59.999+01:00"),
    ],
    ids=[
        "into summer time",
        "out of summer time",
        "over a leap day",
        "over no leap day",
        "over the year's end",
    ],
)
def test_days_are_of_24_hours_whatever_the_calendar_of_the_place(last_seen: str, asleep_from: str) -> None:
    begun = datetime.fromisoformat(last_seen).astimezone(UTC)
    member = joined(begun)

    after, _ = asleep(member, dormancy=DAYS, fresh_since=begun)

    assert after.since.astimezone(ZoneInfo("Europe/Berlin")) == datetime.fromisoformat(asleep_from)


def test_whatever_a_member_does_brings_them_back_from_then_on() -> None:
    ann = Ann()
    ann.passes(NOON + 40 * DAY)

    ann.does(NOON + 40 * DAY)

    assert ann.state == ("active", NOON + 40 * DAY, 1)


def test_who_is_back_and_stays_away_again_is_in_the_next_spell_and_woken_up_again() -> None:
    ann = Ann()
    ann.passes(NOON + 30 * DAY)
    ann.does(NOON + 30 * DAY)

    ann.passes(NOON + 60 * DAY)

    assert ann.state == ("dormant", NOON + 60 * DAY, 2)
    assert ann.woken == [1, 2]


def test_who_sleeps_on_is_woken_up_once() -> None:
    ann = Ann()

    for day in range(30, 300):
        ann.passes(NOON + day * DAY)

    assert ann.woken == [1]


# What comes late


def test_an_event_from_before_the_member_was_last_seen_changes_nothing() -> None:
    ann = Ann()
    ann.passes(NOON + 31 * DAY)
    before = ann.activity

    ann.does(NOON - 5 * DAY)
    ann.does(NOON)

    assert ann.activity == before


def test_a_member_who_was_about_after_all_is_back_and_not_woken_up_twice_in_the_same_spell() -> None:
    ann = Ann()
    ann.passes(NOON + 31 * DAY)

    ann.does(NOON + 20 * DAY)
    back = ann.state
    ann.passes(NOON + 50 * DAY)

    assert back == ("active", NOON + 20 * DAY, 1)
    assert ann.state == ("dormant", NOON + 50 * DAY, 1)
    assert ann.woken == [1]


def test_who_comes_after_such_a_correction_ends_the_spell() -> None:
    ann = Ann()
    ann.passes(NOON + 31 * DAY)
    ann.does(NOON + 20 * DAY)
    ann.passes(NOON + 50 * DAY)
    ann.does(NOON + 51 * DAY)

    ann.passes(NOON + 81 * DAY)

    assert ann.state == ("dormant", NOON + 81 * DAY, 2)
    assert ann.woken == [1, 2]


def test_a_late_event_that_leaves_the_member_asleep_moves_the_begin_of_the_same_spell() -> None:
    ann = Ann()
    ann.passes(NOON + 60 * DAY)

    ann.does(NOON + 20 * DAY)
    meanwhile = ann.state
    ann.passes(NOON + 60 * DAY)

    assert meanwhile == ("dormant", NOON + 30 * DAY, 1)
    assert ann.state == ("dormant", NOON + 50 * DAY, 1)
    assert ann.woken == [1]


def test_a_visit_long_ago_that_ended_a_spell_begins_the_next_without_bringing_the_member_back() -> None:
    ann = Ann()
    ann.passes(NOON + 90 * DAY)

    ann.does(NOON + 40 * DAY)
    meanwhile = ann.state
    ann.passes(NOON + 90 * DAY, fresh_since=NOON + 83 * DAY)

    assert meanwhile == ("dormant", NOON + 30 * DAY, 1)
    assert ann.state == ("dormant", NOON + 70 * DAY, 2)
    assert ann.woken == [1]  # the second began too long ago


# Fresh or not


@pytest.mark.parametrize(
    ("fresh_since", "woken"),
    [(NOON + 30 * DAY, [1]), (NOON + 30 * DAY + MOMENT, [])],
    ids=["just fresh", "a moment too old"],
)
def test_a_spell_that_began_too_long_before_we_knew_wakes_nobody(
    fresh_since: datetime, woken: list[int]
) -> None:
    ann = Ann()

    ann.passes(NOON + 60 * DAY, fresh_since=fresh_since)

    assert ann.state == ("dormant", NOON + 30 * DAY, 1)
    assert ann.woken == woken


def test_a_spell_that_was_silent_may_be_signalled_when_its_begin_turns_out_to_be_fresh() -> None:
    ann = Ann()
    ann.passes(NOON + 40 * DAY, fresh_since=NOON + 33 * DAY)
    ann.does(NOON + 15 * DAY)

    ann.passes(NOON + 45 * DAY, fresh_since=NOON + 38 * DAY)

    assert ann.state == ("dormant", NOON + 45 * DAY, 1)
    assert ann.woken == [1]


def test_longer_days_of_a_new_version_wake_nobody_who_sleeps_already() -> None:
    ann = Ann()
    ann.passes(NOON + 30 * DAY)
    ann.dormancy = 60 * DAY

    ann.passes(NOON + 40 * DAY)

    assert ann.state == ("dormant", NOON + 30 * DAY, 1)


STORIES = st.lists(
    st.tuples(st.sampled_from(["does", "does late", "passes"]), st.integers(0, 50)), max_size=40
)


@given(STORIES)
def test_whatever_comes_in_whatever_order_each_spell_is_signalled_once_and_the_state_is_right(
    story: list[tuple[str, int]],
) -> None:
    ann = Ann()

    for what, days in story:
        if what == "passes":
            ann.passes(ann.now + days * DAY, fresh_since=ann.now - 7 * DAY)
        else:
            ann.does(ann.now - (days * DAY if what == "does late" else 0 * DAY))
    ann.passes(ann.now)

    sleeps = ann.last_seen + DAYS <= ann.now
    assert ann.activity.state == ("dormant" if sleeps else "active")
    assert not sleeps or ann.activity.since == ann.last_seen + DAYS
    assert (ann.activity.absent_since is None) is sleeps
    assert ann.woken == sorted(set(ann.woken))
    assert set(ann.woken) <= set(range(1, ann.activity.spell + 1))
