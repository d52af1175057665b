"""Standing: what reports, decisions and time make of a member, whoever looks and when."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.risk.domain.errors import ReportAlreadyOpen, ReportExpired, ReportOfSelf, ReportsTooMany
from services.risk.domain.profiles import Announced, Cause, after
from services.risk.domain.reports import WINDOW, Decision, Reporter
from services.risk.domain.standing import REPORTS_MAX, expired, reported, reporter_ends
from tests.risk.domain.standings import (
    MEMBER,
    a_reporter,
    a_standing,
    after_decision,
    with_report,
    with_reports,
)
from tests.support.builders import DAY, NOON, PROGRAM

MOMENT = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


# Reports


def test_two_reporters_restrict_nothing_and_the_third_makes_a_high_risk() -> None:
    two = with_reports(a_standing(), "ann", "bob")
    three = with_report(two, "cem")

    assert (two.profile.integrity.level, two.profile.restrictions) == ("low", ())
    assert (three.profile.integrity.level, three.profile.integrity.score) == ("high", 35)
    assert [each.kind for each in three.profile.restrictions] == ["interaction"]


def test_a_reporter_counts_once_however_often_they_report() -> None:
    standing = a_standing()
    for day in range(5):
        standing = with_report(standing, "ann", at=NOON + day * DAY)
        standing = after_decision(standing, "ann", "uphold", at=NOON + day * DAY)

    assert len(standing.reports) == 5
    assert (standing.profile.reporters, standing.profile.integrity.score) == (1, 65)


def test_a_member_and_one_of_the_staff_of_the_same_name_are_two_reporters() -> None:
    standing = with_report(a_standing(), "ann")

    _, standing = reported(standing, Reporter("staff", "ann"), "fraud", "", report_id="rep_2", now=NOON)

    assert standing.profile.reporters == 2


def test_the_same_reporter_is_told_of_the_report_that_is_open() -> None:
    standing = with_report(a_standing(), "ann", report_id="rep_first")

    with pytest.raises(ReportAlreadyOpen) as refusal:
        with_report(standing, "ann", at=NOON + DAY)

    assert refusal.value.facts == {"report_id": "rep_first"}


@pytest.mark.parametrize("decision", ["uphold", "dismiss"])
def test_once_a_report_is_decided_the_same_reporter_may_report_again(decision: Decision) -> None:
    standing = after_decision(with_report(a_standing(), "ann"), "ann", decision)

    assert with_report(standing, "ann", at=NOON + DAY).profile.reporters == 1


def test_once_its_time_is_over_the_same_reporter_may_report_again_though_nobody_ended_it_yet() -> None:
    standing = with_report(a_standing(), "ann")

    with pytest.raises(ReportAlreadyOpen):
        with_report(standing, "ann", at=NOON + WINDOW - MOMENT)
    standing = with_report(standing, "ann", at=NOON + WINDOW)

    assert [each.status for each in standing.touched] == ["open", "expired", "open"]
    assert standing.profile.reporters == 1


def test_nobody_reports_themselves() -> None:
    with pytest.raises(ReportOfSelf):
        with_report(a_standing(), MEMBER)


def test_one_of_the_staff_may_have_the_name_of_a_member() -> None:
    _, standing = reported(a_standing(), Reporter("staff", MEMBER), "fraud", "", report_id="rep_1", now=NOON)

    assert standing.profile.reporters == 1


def test_so_many_reports_of_a_member_are_taken_and_no_more() -> None:
    standing = with_report(a_standing(), "ann")
    first = standing.reports[0]
    many = tuple(
        replace(first, report_id=f"rep_{number}", reporter=a_reporter(f"mem_{number}"))
        for number in range(REPORTS_MAX)
    )

    assert with_report(replace(standing, reports=many[1:]), "zoe").profile.reporters == REPORTS_MAX
    with pytest.raises(ReportsTooMany):
        with_report(replace(standing, reports=many), "zoe")


def test_the_reports_of_a_member_that_are_waiting_leave_room_as_they_end() -> None:
    standing = with_report(a_standing(), "ann")
    first = standing.reports[0]
    many = tuple(
        replace(first, report_id=f"rep_{number}", reporter=a_reporter(f"mem_{number}"))
        for number in range(REPORTS_MAX)
    )

    later = with_report(replace(standing, reports=many), "zoe", at=NOON + WINDOW)

    assert later.profile.reporters == 1


# Decisions


def test_dismissing_one_of_three_lifts_the_restriction() -> None:
    standing = after_decision(with_reports(a_standing(), "ann", "bob", "cem"), "bob", "dismiss")

    assert (standing.profile.integrity.score, standing.profile.integrity.level) == (50, "low")
    assert (standing.profile.restrictions, standing.profile.reporters) == ((), 2)
    assert standing.profile.cause == Cause("report_decided", "rep_bob_0302120000")


def test_dismissing_one_of_four_does_not() -> None:
    standing = after_decision(with_reports(a_standing(), "ann", "bob", "cem", "dan"), "bob", "dismiss")

    assert (standing.profile.integrity.level, standing.profile.reporters) == ("high", 3)
    assert standing.profile.restrictions[0].reason_params["reporters"] == "3"


def test_an_upheld_report_counts_like_an_open_one() -> None:
    reports = with_reports(a_standing(), "ann", "bob", "cem")

    standing = after_decision(reports, "bob", "uphold")

    assert standing.profile == reports.profile
    assert standing.changes == reports.changes


def test_an_upheld_report_of_a_reporter_stands_in_for_their_dismissed_one() -> None:
    standing = after_decision(with_report(a_standing(), "ann"), "ann", "uphold")
    second = with_report(standing, "ann", at=NOON + DAY)

    dismissed = after_decision(second, "ann", "dismiss", at=NOON + DAY)

    assert dismissed.profile.reporters == 1
    assert dismissed.profile.next_change_time == NOON + WINDOW


def test_a_report_whose_time_is_over_is_not_decided_though_nobody_ended_it_yet() -> None:
    standing = with_report(a_standing(), "ann")

    with pytest.raises(ReportExpired):
        after_decision(standing, "ann", "dismiss", at=NOON + WINDOW)


# Time


@pytest.mark.parametrize(
    ("at", "reporters"),
    [(NOON + WINDOW - MOMENT, 3), (NOON + WINDOW, 0)],
    ids=["a moment before 90 days", "at 90 days exactly"],
)
def test_a_report_counts_until_just_before_ninety_days(at: datetime, reporters: int) -> None:
    standing = expired(with_reports(a_standing(), "ann", "bob", "cem"), now=at)

    assert standing.profile.reporters == reporters
    assert bool(standing.profile.restrictions) == (reporters == 3)


def test_a_restriction_ends_when_it_says_it_will() -> None:
    standing = a_standing()
    for day, reporter in enumerate(["ann", "bob", "cem", "dan"]):
        standing = with_report(standing, reporter, at=NOON + day * DAY)
    (restriction,) = standing.profile.restrictions

    just_before = expired(standing, now=restriction.until - MOMENT)
    then = expired(standing, now=restriction.until)

    assert restriction.until == NOON + DAY + WINDOW
    assert just_before.profile.restrictions[0].until == restriction.until
    assert then.profile.restrictions == ()


def test_an_upheld_report_ends_as_well_and_stays_upheld() -> None:
    standing = after_decision(with_report(a_standing(), "ann"), "ann", "uphold")

    standing = expired(standing, now=NOON + WINDOW)

    assert (standing.profile.reporters, standing.profile.integrity.score) == (0, 80)
    assert (standing.touched[-1].status, standing.touched[-1].counts) == ("upheld", False)


def test_each_report_that_ends_is_a_change_of_its_own_at_the_time_when_it_ended() -> None:
    standing = with_report(with_report(a_standing(), "ann"), "bob", at=NOON + HOUR)
    made = len(standing.changes)

    standing = expired(standing, now=NOON + WINDOW + DAY)

    ends = standing.changes[made:]
    assert [(each.after.integrity.score, each.after.changed_time) for each in ends] == [
        (65, NOON + WINDOW),
        (80, NOON + WINDOW + HOUR),
    ]
    assert {each.after.cause.kind for each in ends} == {"report_expired"}
    assert standing.profile.next_change_time is None


def test_reports_end_oldest_first_however_they_lie() -> None:
    standing = a_standing()
    for hour, reporter in enumerate(["ann", "bob", "cem"]):
        standing = with_report(standing, reporter, at=NOON + hour * HOUR)
    mixed = replace(standing, reports=tuple(reversed(standing.reports)))

    one, other = (expired(each, now=NOON + WINDOW + DAY) for each in (standing, mixed))

    assert one.changes == other.changes
    assert [each.report_id for each in one.touched] == [each.report_id for each in other.touched]


def test_a_reporter_counts_until_the_latest_of_their_reports_ends_however_they_lie() -> None:
    standing = after_decision(with_report(a_standing(), "ann"), "ann", "uphold")
    standing = with_report(standing, "ann", at=NOON + DAY)

    for reports in (standing.reports, reversed(standing.reports)):
        assert reporter_ends(reports) == {a_reporter("ann"): NOON + DAY + WINDOW}


def test_a_restriction_that_lasts_longer_is_a_change_though_the_score_is_the_same() -> None:
    standing = with_report(a_standing(), "ann")
    standing = after_decision(standing, "ann", "uphold")
    standing = with_reports(standing, "bob", "cem", at=NOON + DAY)

    longer = with_report(standing, "ann", at=NOON + 2 * DAY)

    assert longer.profile.seq == standing.profile.seq + 1
    assert longer.profile.integrity == standing.profile.integrity
    assert [each.profile.restrictions[0].until for each in (standing, longer)] == [
        NOON + WINDOW,
        NOON + DAY + WINDOW,
    ]


def test_a_report_that_ends_is_never_told_as_before_the_change_that_is_there() -> None:
    standing = with_report(a_standing("unverified"), "ann")
    late = NOON + WINDOW + HOUR
    verified = after(standing.profile, Announced(PROGRAM, MEMBER, "verified", 1), now=late)

    standing = expired(replace(standing, profile=verified), now=late + HOUR)

    assert standing.profile.changed_time == late


def test_where_nothing_is_due_nothing_changes() -> None:
    standing = with_reports(a_standing(), "ann", "bob")

    assert expired(standing, now=NOON + DAY) == standing
