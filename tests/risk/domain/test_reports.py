"""Reports: how long one counts, and what is found of it once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.risk.domain.errors import ReportAlreadyDecided, ReportExpired, ReportOfOwn
from services.risk.domain.reports import (
    WINDOW,
    Decision,
    Finding,
    Report,
    Reporter,
    Status,
    decided,
    lapsed,
)
from tests.support.builders import NOON, PROGRAM

REPORT = Report("rep_1", PROGRAM, "mem_1", Reporter("member", "mem_2"), "fraud", NOON)
MOMENT = timedelta(milliseconds=1)


def a_finding(at: datetime = NOON) -> Finding:
    return Finding("olga", at, "seen the messages")


def test_a_report_counts_for_ninety_days() -> None:
    assert REPORT.expire_time - REPORT.reported_time == timedelta(days=90)


@pytest.mark.parametrize(
    ("decision", "status", "counts"), [("uphold", "upheld", True), ("dismiss", "dismissed", False)]
)
def test_an_upheld_report_counts_on_and_a_dismissed_one_does_not(
    decision: Decision, status: Status, counts: bool
) -> None:
    report = decided(REPORT, decision, a_finding())

    assert (report.status, report.counts, report.finding) == (status, counts, a_finding())


@pytest.mark.parametrize("first", ["uphold", "dismiss"])
@pytest.mark.parametrize("second", ["uphold", "dismiss"])
def test_a_report_is_decided_once(first: Decision, second: Decision) -> None:
    report = decided(REPORT, first, a_finding())

    with pytest.raises(ReportAlreadyDecided) as refusal:
        decided(report, second, a_finding())

    assert refusal.value.facts == {"report_id": "rep_1", "status": report.status.upper()}


def test_who_reported_does_not_decide() -> None:
    report = replace(REPORT, reporter=Reporter("staff", "olga"))

    with pytest.raises(ReportOfOwn):
        decided(report, "uphold", a_finding())


def test_a_report_that_has_ended_is_not_decided_by_a_clock_that_is_behind() -> None:
    with pytest.raises(ReportExpired):
        decided(lapsed(REPORT), "uphold", a_finding(NOON + WINDOW - MOMENT))


def test_a_report_can_be_decided_until_its_time_is_over() -> None:
    last_moment = NOON + WINDOW - MOMENT

    assert decided(REPORT, "uphold", a_finding(last_moment)).status == "upheld"


@pytest.mark.parametrize("at", [NOON + WINDOW, NOON + WINDOW + MOMENT], ids=["at 90 days", "after"])
def test_a_report_whose_time_is_over_cannot_be_decided_told_or_not(at: datetime) -> None:
    for report in (REPORT, lapsed(REPORT)):
        with pytest.raises(ReportExpired):
            decided(report, "dismiss", a_finding(at))


def test_what_was_found_of_a_report_stays_when_its_time_is_over() -> None:
    upheld = decided(REPORT, "uphold", a_finding())

    assert (lapsed(upheld).status, lapsed(upheld).counts) == ("upheld", False)
    assert (lapsed(REPORT).status, lapsed(REPORT).counts) == ("expired", False)


def test_what_the_reporter_wrote_does_not_show_where_a_report_is_printed() -> None:
    report = Report(
        "rep_1", PROGRAM, "mem_1", REPORT.reporter, "other", NOON, note="she lives at 5 Elm Street"
    )

    assert "Elm" not in repr(report)
