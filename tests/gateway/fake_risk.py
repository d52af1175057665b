"""Risk, in memory: standings with their changes, and reports."""

from typing import Any

from laurel.risk.v1 import reports_pb2, risk_pb2, risk_pb2_grpc
from libs.common.caller import caller
from libs.common.paging import page_after, page_token
from services.risk import shared_reads
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake
from tests.gateway.fake_shared import batch_read


class FakeRisk(Fake, risk_pb2_grpc.RiskServiceServicer):
    async def BatchGetRiskProfiles(
        self, request: risk_pb2.BatchGetRiskProfilesRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetRiskProfiles", request)
        results = self.per_member(
            lambda owner: risk_pb2.RiskProfileResult(status=FOUND, profile=world.a_risk_profile(owner)),
            risk_pb2.RiskProfileResult(status=MISSING),
            request.member_ids,
        )
        return risk_pb2.BatchGetRiskProfilesResponse(results=results)

    async def BatchRead(self, request: risk_pb2.BatchReadRequest, context: Context) -> Any:
        return await batch_read(self, shared_reads.READS, request, context)

    async def BatchListIntegrityChanges(
        self, request: risk_pb2.BatchListIntegrityChangesRequest, context: Context
    ) -> Any:
        await self.begin("BatchListIntegrityChanges", request)
        changes = world.integrity_changes()[: request.first]
        results = self.per_member(
            lambda _: risk_pb2.IntegrityChangesResult(status=FOUND, changes=changes),
            risk_pb2.IntegrityChangesResult(status=MISSING),
            request.member_ids,
        )
        return risk_pb2.BatchListIntegrityChangesResponse(results=results)

    async def ReportMember(self, request: risk_pb2.ReportMemberRequest, context: Context) -> Any:
        await self.begin("ReportMember", request)
        report = world.a_report(member_id=request.member_id, reporter=caller().subject, reason=request.reason)
        return risk_pb2.ReportMemberResponse(report=report)

    async def DecideReport(self, request: risk_pb2.DecideReportRequest, context: Context) -> Any:
        await self.begin("DecideReport", request)
        upheld = request.decision == reports_pb2.REPORT_DECISION_UPHOLD
        report = world.a_report(
            report_id=request.report_id,
            status=reports_pb2.REPORT_STATUS_UPHELD if upheld else reports_pb2.REPORT_STATUS_DISMISSED,
            finding=reports_pb2.ReportFinding(decided_by=caller().subject, explanation=request.explanation),
        )
        return risk_pb2.DecideReportResponse(report=report, profile=world.a_risk_profile(report.member_id))

    async def ListReports(self, request: risk_pb2.ListReportsRequest, context: Context) -> Any:
        await self.begin("ListReports", request)
        after = page_after(request.page_token)
        reports = [world.a_report(report_id=f"rep_{number}", note="rude") for number in range(1, 6)]
        listed = [each for each in reports if after is None or each.report_id > after]
        page = listed[: request.page_size]
        more = page_token(page[-1].report_id) if len(listed) > len(page) else ""
        return risk_pb2.ListReportsResponse(reports=page, next_page_token=more)
