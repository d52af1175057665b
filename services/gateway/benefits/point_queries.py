"""Queries of points: the adjustments that wait for a second person."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import points_pb2 as pb
from services.gateway.benefits.types.adjustments import AdjustmentConnection, page_of_adjustments
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.pages import Cursor, page_token_at
from services.gateway.values import checked_first


@strawberry.type
class PointsQuery:
    @strawberry.field(description="The adjustments that wait for somebody's approval, the oldest first.")
    async def pending_adjustments(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> AdjustmentConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListPendingAdjustmentsResponse:
            request = pb.ListPendingAdjustmentsRequest(
                program_id=info.context.program_id, page_size=size, page_token=token
            )
            return await info.context.clients.points.ListPendingAdjustments(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_adjustments(pb.ListPendingAdjustmentsResponse(), "", after)
        return page_of_adjustments(await page(first, page_token), page_token, after)
