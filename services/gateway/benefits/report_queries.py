"""Queries of reports about the program as a whole: its tiers, whether it is fair, and what of it is used."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import fairness_pb2, tier_reports_pb2, usage_pb2
from services.gateway.admission.prices import REPORT
from services.gateway.benefits.types.fairness import FairnessCount, fairness_of
from services.gateway.benefits.types.tier_report import TierReport, tier_report_of
from services.gateway.benefits.types.usage import UsageMonthConnection, page_of_usage
from services.gateway.clients import LIST_SECONDS, WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.errors import InvalidInput
from services.gateway.pages import Cursor
from services.gateway.values import checked_first

MONTHS_MAX = 60
USAGE_MONTHS_MAX = 12


@strawberry.type
class ReportQuery:
    @strawberry.field(
        description="Who holds which tier, who moved by month, and who is near to what tiers ask for.",
        metadata=REPORT,
    )
    async def tier_report(
        self,
        info: Info,
        months: Annotated[
            int, strawberry.argument(description="So many of the latest months of moves, 1 to 60.")
        ] = 12,
    ) -> TierReport | None:
        if not 1 <= months <= MONTHS_MAX:
            raise InvalidInput(f"months must be between 1 and {MONTHS_MAX}", months=months)
        request = tier_reports_pb2.GetTierReportRequest(program_id=info.context.program_id, months=months)
        # Counted while one waits, over all members.
        answer = await info.context.clients.reports.GetTierReport(request, timeout=WRITE_SECONDS)
        return tier_report_of(answer.report)

    @strawberry.field(
        description="Whether groups reach tiers alike, by the attributes that the program permits.",
        metadata=REPORT,
    )
    async def fairness_report(self, info: Info) -> FairnessCount | None:
        request = fairness_pb2.GetFairnessReportRequest(program_id=info.context.program_id)
        answer = await info.context.clients.reports.GetFairnessReport(request, timeout=LIST_SECONDS)
        return fairness_of(answer)

    @strawberry.field(
        description="What members used of benefits, rewards and coupons, as published, latest month first."
    )
    async def usage_months(
        self,
        info: Info,
        first: Annotated[
            int, strawberry.argument(description="At most so many, 1 to 100; a page has 12 of them.")
        ] = USAGE_MONTHS_MAX,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> UsageMonthConnection | None:
        place = Cursor.decode(after)
        if place.skipped:
            raise InvalidInput("after is not a cursor of this list")
        request = usage_pb2.ListUsageMonthsRequest(
            program_id=info.context.program_id,
            before_month=place.page_token,
            page_size=min(checked_first(first), USAGE_MONTHS_MAX),
        )
        answer = await info.context.clients.reports.ListUsageMonths(request, timeout=LIST_SECONDS)
        return page_of_usage(answer, after)
