"""Reports of members as the graph shows them, and the page of them that officers read."""

from datetime import datetime
from enum import Enum

import strawberry
from strawberry import relay

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.pages import cursors, page_info
from services.gateway.values import known, time_of


@strawberry.enum(description="What a member is reported for.")
class ReportReason(Enum):
    HARASSMENT = strawberry.enum_value(
        reports_pb2.REPORT_REASON_HARASSMENT, description="Pursues or insults others."
    )
    SPAM_OR_ADVERTISING = strawberry.enum_value(
        reports_pb2.REPORT_REASON_SPAM_OR_ADVERTISING,
        description="Sends advertising or the same thing to many.",
    )
    FRAUD = strawberry.enum_value(
        reports_pb2.REPORT_REASON_FRAUD, description="Tries to get money or goods by deceit."
    )
    FALSE_IDENTITY = strawberry.enum_value(
        reports_pb2.REPORT_REASON_FALSE_IDENTITY, description="Is not who they say they are."
    )
    INAPPROPRIATE_CONTENT = strawberry.enum_value(
        reports_pb2.REPORT_REASON_INAPPROPRIATE_CONTENT, description="Shows what does not belong here."
    )
    OTHER = strawberry.enum_value(
        reports_pb2.REPORT_REASON_OTHER, description="Something else; the note says what."
    )


@strawberry.enum(description="What became of a report.")
class ReportStatus(Enum):
    OPEN = strawberry.enum_value(
        reports_pb2.REPORT_STATUS_OPEN, description="Nobody has decided it. It counts."
    )
    UPHELD = strawberry.enum_value(
        reports_pb2.REPORT_STATUS_UPHELD, description="Found right. It counts as long as an open one would."
    )
    DISMISSED = strawberry.enum_value(
        reports_pb2.REPORT_STATUS_DISMISSED, description="Found wrong. It does not count."
    )
    EXPIRED = strawberry.enum_value(
        reports_pb2.REPORT_STATUS_EXPIRED,
        description="Ninety days went by without a decision. It does not count.",
    )


@strawberry.enum(description="Who reports.")
class ReporterKind(Enum):
    MEMBER = strawberry.enum_value(reports_pb2.REPORTER_KIND_MEMBER, description="Another member.")
    STAFF = strawberry.enum_value(reports_pb2.REPORTER_KIND_STAFF, description="One of the staff.")


@strawberry.type(description="What an officer found of a report.")
class ReportFinding:
    decided_by: str = strawberry.field(description="The officer.")
    decided_time: datetime | None = strawberry.field(description="When.")
    explanation: str = strawberry.field(description="Why, in the officer's words.")


@strawberry.type(description="One report of a member.")
class Report:
    id: strawberry.ID = strawberry.field(description="Id of the report.")
    member_id: strawberry.ID = strawberry.field(description="Who is reported: `mem_…`.")
    reporter_kind: ReporterKind | None = strawberry.field(description="Who reports.")
    reporter: str = strawberry.field(description="The reporting member, or the one of the staff.")
    reason: ReportReason | None = strawberry.field(description="What for.")
    note: str | None = strawberry.field(
        description="What the reporter wrote; in lists only, answers of mutations leave it out."
    )
    status: ReportStatus | None = strawberry.field(description="What became of it.")
    reported_time: datetime | None = strawberry.field(description="When it was made.")
    expire_time: datetime | None = strawberry.field(
        description="From when on it does not count, whatever is decided."
    )
    finding: ReportFinding | None = strawberry.field(
        description="The decision; of upheld and dismissed reports only."
    )


@strawberry.type(description="A report in a list.")
class ReportEdge:
    cursor: str = strawberry.field(description="Place in the list.")
    node: Report = strawberry.field(description="The report.")


@strawberry.type(description="A page of reports.")
class ReportConnection:
    edges: list[ReportEdge] = strawberry.field(description="The reports with their places.")
    page_info: relay.PageInfo = strawberry.field(description="Whether there are more.")


def report_of(report: reports_pb2.Report) -> Report:
    """A report as the graph shows it."""
    return Report(
        id=strawberry.ID(report.report_id),
        member_id=strawberry.ID(report.member_id),
        reporter_kind=known(ReporterKind, report.reporter_kind),
        reporter=report.reporter,
        reason=known(ReportReason, report.reason),
        note=report.note or None,
        status=known(ReportStatus, report.status),
        reported_time=time_of(report, "reported_time"),
        expire_time=time_of(report, "expire_time"),
        finding=_finding(report.finding) if report.HasField("finding") else None,
    )


def page_of_reports(page: pb.ListReportsResponse, page_token: str, after: str | None) -> ReportConnection:
    """A page as the graph shows it."""
    places = cursors(page_token, page.next_page_token, len(page.reports))
    return ReportConnection(
        edges=[
            ReportEdge(cursor=cursor, node=report_of(report))
            for cursor, report in zip(places, page.reports, strict=True)
        ],
        page_info=page_info(places, page.next_page_token, after),
    )


def _finding(finding: reports_pb2.ReportFinding) -> ReportFinding:
    return ReportFinding(
        decided_by=finding.decided_by,
        decided_time=time_of(finding, "decided_time"),
        explanation=finding.explanation,
    )
