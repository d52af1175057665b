"""Reports: who reports whom, for how long it counts, and what is found of it (R-02)."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from services.risk.domain.errors import ReportAlreadyDecided, ReportExpired, ReportOfOwn

Reason = Literal[
    "harassment", "spam_or_advertising", "fraud", "false_identity", "inappropriate_content", "other"
]
Status = Literal["open", "upheld", "dismissed", "expired"]
Decision = Literal["uphold", "dismiss"]

# How long a report counts. The source says how many make a high risk, not within which time: a
# quarter is long enough to see a habit, and short enough that nobody is marked for good.
WINDOW_DAYS = 90
WINDOW = timedelta(days=WINDOW_DAYS)


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: a member by their id, one of the staff by their subject."""

    kind: Literal["member", "staff"]
    subject: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What an officer found of a report, and why."""

    officer: str
    decided_time: datetime
    explanation: str


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `counts` until it is dismissed or its time is over; `note` is read in lists only."""

    report_id: str
    program_id: str
    member_id: str
    reporter: Reporter
    reason: Reason
    reported_time: datetime
    status: Status = "open"
    counts: bool = True
    finding: Finding | None = None
    note: str = field(default="", repr=False)

    @property
    def expire_time(self) -> datetime:
        """From when on it does not count."""
        return self.reported_time + WINDOW


def lapsed(report: Report) -> Report:
    """The report when its time is over; what was found of it stays."""
    return replace(report, status="expired" if report.status == "open" else report.status, counts=False)


def decided(report: Report, decision: Decision, finding: Finding) -> Report:
    """The report with what is found of it, once and in time."""
    if (report.reporter.kind, report.reporter.subject) == ("staff", finding.officer):
        raise ReportOfOwn(report_id=report.report_id)
    if report.finding is not None:
        raise ReportAlreadyDecided(report_id=report.report_id, status=report.status.upper())
    if report.status == "expired" or finding.decided_time >= report.expire_time:
        raise ReportExpired(report_id=report.report_id)
    if decision == "uphold":
        return replace(report, status="upheld", finding=finding)
    return replace(report, status="dismissed", counts=False, finding=finding)
