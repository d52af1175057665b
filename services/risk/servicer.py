"""The gRPC edge of risk: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from typing import Any

from laurel.common.v1 import lookup_pb2
from laurel.risk.v1 import risk_pb2 as pb
from laurel.risk.v1 import risk_pb2_grpc
from libs.common.caller import caller
from libs.common.errors import Forbidden
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.pipeline import PipelineReader
from libs.common.rpc.lookup import in_order
from libs.common.rpc.shared.reads import SharedReads
from libs.common.watch import Watches
from services.risk.domain.profiles import Profile
from services.risk.domain.reports import Report, Reporter
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.handlers.reports import DecideReport, ReportHandlers, ReportMember
from services.risk.messages import (
    DECISION_NAMES,
    REASON_NAMES,
    STATUS_NAMES,
    change_message,
    profile_message,
    report_message,
    watched,
)

PAGE_SIZE = 50
CHANGES_FIRST = 20

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class RiskServicer(risk_pb2_grpc.RiskServiceServicer):
    """RiskService over the handlers of risk."""

    profiles: ProfileHandlers
    reports: ReportHandlers
    limits: LimitHandlers
    pipeline: PipelineReader
    watches: Watches
    shared: SharedReads

    async def BatchGetRiskProfiles(
        self, message: pb.BatchGetRiskProfilesRequest, context: Any
    ) -> pb.BatchGetRiskProfilesResponse:
        found = await self.profiles.profiles(message.program_id, message.member_ids)
        limits = await self.limits.refused(message.program_id, list(found))
        return pb.BatchGetRiskProfilesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.RiskProfileResult(
                    status=FOUND, profile=profile_message(each, limits.get(each.member_id, ()))
                ),
                missing=pb.RiskProfileResult(status=MISSING),
            )
        )

    async def BatchRead(self, message: pb.BatchReadRequest, context: Any) -> pb.BatchReadResponse:
        response: pb.BatchReadResponse = await self.shared.answer(self, message, context)
        return response

    async def BatchListIntegrityChanges(
        self, message: pb.BatchListIntegrityChangesRequest, context: Any
    ) -> pb.BatchListIntegrityChangesResponse:
        found = await self.profiles.changes(
            message.program_id, message.member_ids, message.first or CHANGES_FIRST
        )
        return pb.BatchListIntegrityChangesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.IntegrityChangesResult(status=FOUND, changes=map(change_message, each)),
                missing=pb.IntegrityChangesResult(status=MISSING),
            )
        )

    async def ReportMember(self, message: pb.ReportMemberRequest, context: Any) -> pb.ReportMemberResponse:
        command = ReportMember(
            message.program_id, message.member_id, _reporter(), REASON_NAMES[message.reason], message.note
        )
        asked = request(
            message.program_id, "ReportMember", message.request_id, message, pb.ReportMemberResponse
        )
        return await self.reports.report_member(command, asked, _reported)

    async def DecideReport(self, message: pb.DecideReportRequest, context: Any) -> pb.DecideReportResponse:
        command = DecideReport(
            message.program_id,
            message.report_id,
            DECISION_NAMES[message.decision],
            caller().subject,
            message.explanation,
        )
        asked = request(
            message.program_id, "DecideReport", message.request_id, message, pb.DecideReportResponse
        )
        return await self.reports.decide_report(command, asked, _decided)

    async def ListReports(self, message: pb.ListReportsRequest, context: Any) -> pb.ListReportsResponse:
        filters = (message.program_id, str(message.status), message.member_id)
        reports, more = await self.reports.reports(
            message.program_id,
            status=STATUS_NAMES.get(message.status),
            member_id=message.member_id,
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListReportsResponse(
            reports=[report_message(report, with_note=True) for report in reports],
            next_page_token=page_token(reports[-1].report_id, *filters) if more else "",
        )

    def WatchMember(
        self, message: pb.WatchMemberRequest, context: Any
    ) -> AsyncGenerator[pb.WatchMemberResponse, None]:
        latest = partial(self.profiles.latest_change, message.program_id, message.member_id)
        return self.watches.answer(message, latest, watched)

    async def GetPipelineStatus(
        self, message: pb.GetPipelineStatusRequest, context: Any
    ) -> pb.GetPipelineStatusResponse:
        return pb.GetPipelineStatusResponse(status=await self.pipeline.status(caller()))


def _reporter() -> Reporter:
    """The caller as a reporter: whose reports count once each, so they are people."""
    principal = caller()
    if principal.kind in {"partner", "service"}:
        raise Forbidden("only people report members")
    return Reporter("member" if principal.kind == "member" else "staff", principal.subject)


def _reported(report: Report) -> pb.ReportMemberResponse:
    return pb.ReportMemberResponse(report=report_message(report))


def _decided(report: Report, profile: Profile) -> pb.DecideReportResponse:
    return pb.DecideReportResponse(report=report_message(report), profile=profile_message(profile))
