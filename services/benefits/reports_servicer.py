"""The gRPC edge of reports: messages to reads and back. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import fairness_pb2, reports_pb2, reports_pb2_grpc, tier_reports_pb2, usage_pb2
from libs.common.paging import page_after, page_token
from services.benefits.handlers.fairness import Counting, FairnessHandlers
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.tier_report import TierReportHandlers
from services.benefits.handlers.usage import UsageHandlers
from services.benefits.proof_messages import report_message
from services.benefits.report_messages import fairness_message, tier_report_message

MONTHS = 24
MONTHS_OF_FLOWS = 12
MONTHS_OF_USAGE = 12


@dataclass(frozen=True)
class ReportsServicer(reports_pb2_grpc.ReportsServiceServicer):
    """ReportsService over the books, the tiers, the decisions and the uses of benefits."""

    programs: ProgramHandlers
    reports: ReportHandlers
    tiers: TierReportHandlers
    fairness: FairnessHandlers
    usage: UsageHandlers

    async def GetPointsReport(
        self, message: reports_pb2.GetPointsReportRequest, context: Any
    ) -> reports_pb2.GetPointsReportResponse:
        before = page_after(message.page_token, "points", message.program_id)
        program = (await self.programs.live(message.program_id)).program
        report = await self.reports.points(message.program_id)
        months = [each for each in reversed(report.cohorts) if before is None or each.month < before]
        shown = months[: message.page_size or MONTHS]
        return reports_pb2.GetPointsReportResponse(
            report=report_message(
                report,
                shown,
                points_currency=program.points.currency,
                currency=program.currency,
            ),
            next_page_token=page_token(shown[-1].month, "points", message.program_id)
            if len(shown) < len(months)
            else "",
        )

    async def GetTierReport(
        self, message: tier_reports_pb2.GetTierReportRequest, context: Any
    ) -> tier_reports_pb2.GetTierReportResponse:
        report = await self.tiers.report(message.program_id, message.months or MONTHS_OF_FLOWS)
        return tier_reports_pb2.GetTierReportResponse(report=tier_report_message(report))

    async def GetFairnessReport(
        self, message: fairness_pb2.GetFairnessReportRequest, context: Any
    ) -> fairness_pb2.GetFairnessReportResponse:
        found = await self.fairness.report(message.program_id)
        if isinstance(found, Counting):
            return fairness_pb2.GetFairnessReportResponse(counted_members=found.members)
        return fairness_pb2.GetFairnessReportResponse(
            report=fairness_message(found), counted_members=found.members
        )

    async def ListUsageMonths(
        self, message: usage_pb2.ListUsageMonthsRequest, context: Any
    ) -> usage_pb2.ListUsageMonthsResponse:
        months, more = await self.usage.months(
            message.program_id, before=message.before_month, limit=message.page_size or MONTHS_OF_USAGE
        )
        return usage_pb2.ListUsageMonthsResponse(
            months=map(usage_pb2.UsageMonth.FromString, months), more=more
        )
