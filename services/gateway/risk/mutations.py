"""Mutations of risk: reporting members, and deciding reports."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from enum import Enum
from typing import Annotated

import strawberry

from laurel.risk.v1 import reports_pb2
from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.risk.reports import Report, ReportReason, report_of
from services.gateway.risk.types import Risk, risk_of
from services.gateway.values import wire


@strawberry.input(description="A report of a member.")
class ReportMemberInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    member_id: strawberry.ID = strawberry.field(
        description="Who is reported: the global id, or the platform's own `mem_…`."
    )
    reason: ReportReason = strawberry.field(description="What for.")
    note: str | None = strawberry.field(
        default=None, description="What happened, in the reporter's words, up to 500 characters."
    )


@strawberry.enum(description="What an officer finds of a report.")
class ReportDecision(Enum):
    UPHOLD = strawberry.enum_value(
        reports_pb2.REPORT_DECISION_UPHOLD, description="It is right: the report stands."
    )
    DISMISS = strawberry.enum_value(
        reports_pb2.REPORT_DECISION_DISMISS, description="It is wrong: the report counts no more."
    )


@strawberry.input(description="A decision about a report.")
class DecideReportInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    report_id: strawberry.ID = strawberry.field(description="Which report.")
    decision: ReportDecision = strawberry.field(description="What is found of it.")
    explanation: str = strawberry.field(
        description="Why, up to 500 characters; kept for good, so without personal data."
    )


@strawberry.type(description="The member was reported.")
class ReportedMember:
    report: Report = strawberry.field(description="The report.")


@strawberry.type(description="The report was decided.")
class DecidedReport:
    report: Report = strawberry.field(description="The report as decided.")
    risk: Risk = strawberry.field(description="The member's standing after it.")


ReportMemberResult = Annotated[
    ReportedMember | Refused,
    strawberry.union("ReportMemberResult", description="The report, or a refusal."),
]
DecideReportResult = Annotated[
    DecidedReport | Refused,
    strawberry.union("DecideReportResult", description="The decided report, or a refusal."),
]


@strawberry.type
class RiskMutation:
    @strawberry.mutation(
        description="Reports a member, on behalf of the caller. Reports of several restrict the member."
    )
    async def report_member(
        self,
        info: Info,
        input: Annotated[ReportMemberInput, strawberry.argument(description="The report.")],  # noqa: A002
    ) -> ReportMemberResult | None:
        request = pb.ReportMemberRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            member_id=member_key(input.member_id),
            reason=wire(input.reason),
            note=input.note or "",
        )
        answer = await attempted(info.context.clients.risk.ReportMember(request, timeout=WRITE_SECONDS))
        return answer if isinstance(answer, Refused) else ReportedMember(report=report_of(answer.report))

    @strawberry.mutation(
        description="Upholds or dismisses an open report; what a dismissed one brought about is taken back."
    )
    async def decide_report(
        self,
        info: Info,
        input: Annotated[DecideReportInput, strawberry.argument(description="The decision.")],  # noqa: A002
    ) -> DecideReportResult | None:
        request = pb.DecideReportRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            report_id=input.report_id,
            decision=wire(input.decision),
            explanation=input.explanation,
        )
        answer = await attempted(info.context.clients.risk.DecideReport(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return DecidedReport(report=report_of(answer.report), risk=risk_of(answer.profile))
