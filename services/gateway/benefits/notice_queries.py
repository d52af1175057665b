"""Queries of notices: what a group of the staff is told."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import notices_pb2 as pb
from services.gateway.benefits.types.notices import NoticeConnection, page_of_notices
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.pages import Cursor, page_token_at
from services.gateway.values import checked_first


@strawberry.type
class NoticesQuery:
    @strawberry.field(description="What the staff of the caller's roles are told, latest first.")
    async def staff_notices(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> NoticeConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListStaffNoticesResponse:
            request = pb.ListStaffNoticesRequest(
                program_id=info.context.program_id, page_size=size, page_token=token
            )
            return await info.context.clients.notices.ListStaffNotices(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_notices(pb.ListStaffNoticesResponse(), "", after)
        return page_of_notices(await page(first, page_token), page_token, after)
