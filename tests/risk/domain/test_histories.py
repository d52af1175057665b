"""Histories: whatever happens to a member, in whatever order and whoever looks, the outcome is one."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from services.risk.domain.errors import ReportAlreadyOpen
from services.risk.domain.reports import Decision
from services.risk.domain.standing import Standing, expired
from tests.risk.domain.standings import (
    a_reporter,
    a_standing,
    after_decision,
    with_report,
    with_reports,
)
from tests.support.builders import DAY, NOON

REPORTERS = ["ann", "bob", "cem", "dan", "eva"]
Action = tuple[Literal["report", "uphold", "dismiss", "look"], str]
actions: st.SearchStrategy[list[tuple[int, Action]]] = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.tuples(
            st.sampled_from(["report", "report", "uphold", "dismiss", "look"]), st.sampled_from(REPORTERS)
        ),
    ),
    max_size=25,
)


def played(history: list[tuple[int, Action]], *, looks: bool = True) -> tuple[Standing, datetime]:
    """What a history of actions, so many days after one another, comes to; what is refused is passed over."""
    standing, now = a_standing(), NOON
    for days, (action, reporter) in history:
        now += days * DAY
        if action == "look":
            standing = expired(standing, now=now) if looks else standing
        elif action == "report":
            standing = _report(standing, reporter, now)
        else:
            standing = _decide(standing, reporter, action, now)
    return standing, now


def _report(standing: Standing, reporter: str, now: datetime) -> Standing:
    try:
        return with_report(standing, reporter, at=now, report_id=f"rep_{(now - NOON).days:04}")
    except ReportAlreadyOpen:
        return standing


def _decide(
    standing: Standing, reporter: str, decision: Literal["uphold", "dismiss"], now: datetime
) -> Standing:
    """Decide the open report of this reporter, if there is one in time."""
    mine = [each for each in standing.reports if each.reporter == a_reporter(reporter)]
    waiting = [each for each in mine if each.status == "open" and each.expire_time > now]
    if not waiting:
        return standing
    return after_decision(standing, reporter, decision, at=now)


@given(actions)
def test_reporters_are_those_with_a_report_of_the_last_ninety_days_that_was_not_dismissed(
    history: list[tuple[int, Action]],
) -> None:
    standing, now = played(history)

    standing = expired(standing, now=now)

    last = {each.report_id: each for each in standing.touched}.values()
    expected = {
        each.reporter for each in last if each.status != "dismissed" and now < each.reported_time + 90 * DAY
    }
    assert standing.profile.reporters == len(expected)
    assert (standing.profile.integrity.level == "high") == (len(expected) >= 3)
    assert bool(standing.profile.restrictions) == (len(expected) >= 3)


@given(actions)
def test_the_history_is_the_same_however_often_somebody_looks(history: list[tuple[int, Action]]) -> None:
    often, now = played(history)
    seldom, _ = played(history, looks=False)

    often, seldom = expired(often, now=now), expired(seldom, now=now)

    assert often.changes == seldom.changes
    assert often.profile == seldom.profile


@given(actions)
def test_changes_follow_one_another_without_a_gap_and_end_at_the_profile(
    history: list[tuple[int, Action]],
) -> None:
    standing, _ = played(history)

    assert [each.after.seq for each in standing.changes] == list(range(2, len(standing.changes) + 2))
    times = [each.after.changed_time for each in standing.changes]
    assert times == sorted(times)
    for before, change in zip(standing.changes, standing.changes[1:], strict=False):
        assert change.before == before.after.integrity
    if standing.changes:
        last = standing.changes[-1].after
        assert (last.integrity, last.restrictions) == (
            standing.profile.integrity,
            standing.profile.restrictions,
        )


@given(st.data())
def test_the_order_of_decisions_makes_no_difference_to_where_a_member_stands(data: st.DataObject) -> None:
    standing = a_standing()
    for day, reporter in enumerate(REPORTERS):
        standing = with_report(standing, reporter, at=NOON + day * DAY)
    decisions: dict[str, Decision | None] = {
        reporter: data.draw(st.sampled_from(["uphold", "dismiss", None]), label=reporter)
        for reporter in REPORTERS
    }
    orders = [data.draw(st.permutations(REPORTERS)) for _ in range(2)]

    ends = []
    for order in orders:
        end = standing
        for reporter in order:
            if (decision := decisions[reporter]) is not None:
                end = after_decision(end, reporter, decision, at=NOON + 5 * DAY)
        ends.append(end.profile)

    first, second = ends
    assert (first.reporters, first.integrity) == (second.reporters, second.integrity)
    assert [(each.until, each.reason_params) for each in first.restrictions] == [
        (each.until, each.reason_params) for each in second.restrictions
    ]
    assert first.next_change_time == second.next_change_time


@given(st.permutations(REPORTERS), st.permutations(REPORTERS))
def test_the_order_of_reports_of_one_moment_makes_no_difference_to_where_a_member_stands(
    one: list[str], other: list[str]
) -> None:
    first, second = (with_reports(a_standing(), *order).profile for order in (one, other))

    assert replace(first, cause=second.cause) == second
