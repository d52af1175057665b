"""Queries for what risk holds by itself: reports."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.pages import Cursor, page_token_at
from services.gateway.risk.reports import ReportConnection, ReportStatus, page_of_reports
from services.gateway.values import checked_first, wire


@strawberry.type
class RiskQuery:
    @strawberry.field(description="The reports of members, oldest first: what expires next comes first.")
    async def reports(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to go on after; with the same filters.")
        ] = None,
        status: Annotated[
            ReportStatus | None, strawberry.argument(description="Only reports of this status.")
        ] = None,
        member_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only reports of this member.")
        ] = None,
    ) -> ReportConnection | None:
        checked_first(first)
        start = Cursor.decode(after)
        member = "" if member_id is None else member_key(member_id)

        async def page(size: int, token: str) -> pb.ListReportsResponse:
            request = pb.ListReportsRequest(
                program_id=info.context.program_id,
                page_size=size,
                page_token=token,
                status=wire(status),
                member_id=member,
            )
            return await info.context.clients.risk.ListReports(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(start, page)
        if page_token is None:
            return page_of_reports(pb.ListReportsResponse(), "", after)
        return page_of_reports(await page(first, page_token), page_token, after)
