"""Builders of standings: a member, and what others report of them."""

from datetime import datetime

from services.risk.domain.integrity import Verification
from services.risk.domain.profiles import Announced, Profile, after
from services.risk.domain.reports import Decision, Finding, Report, Reporter
from services.risk.domain.standing import Standing, judged, reported
from tests.support.builders import NOON, PROGRAM

MEMBER = "mem_of_whom"


def a_profile(verification: Verification = "verified", *, at: datetime = NOON) -> Profile:
    """The profile of a member who has just joined."""
    return after(None, Announced(PROGRAM, MEMBER, verification, 0), now=at)


def a_standing(verification: Verification = "verified") -> Standing:
    """The standing of a member who has just joined."""
    return Standing(a_profile(verification))


def a_reporter(name: str) -> Reporter:
    """A member who reports."""
    return Reporter("member", name)


def with_report(standing: Standing, reporter: str, *, at: datetime = NOON, report_id: str = "") -> Standing:
    """The standing once this member has reported, under an id that says who and when."""
    report_id = report_id or f"rep_{reporter}_{at:%m%d%H%M%S}"
    return reported(standing, a_reporter(reporter), "fraud", "", report_id=report_id, now=at)[1]


def with_reports(standing: Standing, *reporters: str, at: datetime = NOON) -> Standing:
    """The standing once each of these members has reported."""
    for reporter in reporters:
        standing = with_report(standing, reporter, at=at)
    return standing


def a_report(standing: Standing, reporter: str) -> Report:
    """The latest report of this member that counts."""
    mine = [each for each in standing.reports if each.reporter == a_reporter(reporter)]
    return max(mine, key=lambda each: each.reported_time)


def after_decision(standing: Standing, reporter: str, decision: Decision, *, at: datetime = NOON) -> Standing:
    """The standing once an officer has decided the report of this member."""
    return judged(standing, a_report(standing, reporter), decision, Finding("olga", at, "as seen"))[1]
