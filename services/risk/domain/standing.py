"""A member's standing: the profile and the reports that count, and what reports, decisions and time change.

Whatever happens to a member, the reports whose time is over end first, each
at its own time. So the history does not depend on when anybody looked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.risk.domain.errors import ReportAlreadyOpen, ReportOfSelf, ReportsTooMany
from services.risk.domain.integrity import integrity
from services.risk.domain.profiles import Cause, Change, Profile, changed
from services.risk.domain.reports import Decision, Finding, Reason, Report, Reporter, decided, lapsed
from services.risk.domain.restrictions import restrictions

# Each is read again whenever one comes. The score is at 0 and the level high long before.
REPORTS_MAX = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """The profile of a member, the reports that count towards it, and what became of both so far."""

    profile: Profile
    reports: tuple[Report, ...] = ()
    changes: tuple[Change, ...] = ()
    # Reports that were made, decided or ended.
    touched: tuple[Report, ...] = ()


def expired(standing: Standing, *, now: datetime) -> Standing:
    """The standing once the reports whose time is over have ended, the oldest first."""
    due = [each for each in standing.reports if each.expire_time <= now]
    for report in sorted(due, key=lambda each: (each.expire_time, each.report_id)):
        cause = Cause("report_expired", report.report_id)
        standing = _with(standing, lapsed(report), cause, now=report.expire_time)
    return standing


def reported(
    standing: Standing, reporter: Reporter, reason: Reason, note: str, *, report_id: str, now: datetime
) -> tuple[Report, Standing]:
    """A new report and the standing with it, or why there cannot be one."""
    profile = standing.profile
    if (reporter.kind, reporter.subject) == ("member", profile.member_id):
        raise ReportOfSelf
    standing = expired(standing, now=now)
    for each in standing.reports:
        if each.status == "open" and each.reporter == reporter:
            raise ReportAlreadyOpen(report_id=each.report_id)
    if len(standing.reports) >= REPORTS_MAX:
        raise ReportsTooMany(reports=len(standing.reports))
    report = Report(report_id, profile.program_id, profile.member_id, reporter, reason, now, note=note)
    return report, _with(standing, report, Cause("reported", report_id), now=now)


def judged(
    standing: Standing, report: Report, decision: Decision, finding: Finding
) -> tuple[Report, Standing]:
    """The report as decided and the standing after it, or why it cannot be decided."""
    now = finding.decided_time
    result = decided(report, decision, finding)
    standing = expired(standing, now=now)
    return result, _with(standing, result, Cause("report_decided", report.report_id), now=now)


def reporter_ends(reports: Iterable[Report]) -> dict[Reporter, datetime]:
    """Who reported, each once, and when the latest of their reports ends."""
    ends: dict[Reporter, datetime] = {}
    for report in reports:
        ends[report.reporter] = max(report.expire_time, ends.get(report.reporter, report.expire_time))
    return ends


def _with(standing: Standing, report: Report, cause: Cause, *, now: datetime) -> Standing:
    """The standing with this report as it is now, and what follows from it."""
    others = tuple(each for each in standing.reports if each.report_id != report.report_id)
    reports = (*others, report) if report.counts else others
    before, after = standing.profile, _assessed(standing.profile, reports, cause, now=now)
    new = () if after.seq == before.seq else (Change(before.integrity, after),)
    return Standing(after, reports, (*standing.changes, *new), (*standing.touched, report))


def _assessed(profile: Profile, reports: Iterable[Report], cause: Cause, *, now: datetime) -> Profile:
    counted = tuple(reports)
    ends = reporter_ends(counted)
    assessed = replace(
        profile,
        reporters=len(ends),
        integrity=integrity(profile.verification, len(ends)),
        restrictions=restrictions(ends.values(), profile.restrictions, now=now),
        next_change_time=min((each.expire_time for each in counted), default=None),
    )
    return changed(profile, assessed, cause, now=now)
