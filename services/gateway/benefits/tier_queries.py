"""Queries of tiers: those that staff gave by hand, and what of it waits for a second person."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import tiers_pb2 as pb
from services.gateway.benefits.types.overrides import TierOverrideConnection, page_of_overrides
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.pages import Cursor, page_token_at
from services.gateway.values import checked_first


@strawberry.type
class TiersQuery:
    @strawberry.field(description="The tiers that staff gave by hand, the latest first.")
    async def tier_overrides(
        self,
        info: Info,
        member_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Of this member alone: `mem_…`.")
        ] = None,
        pending: Annotated[
            bool, strawberry.argument(description="Those alone that wait for somebody's approval.")
        ] = False,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> TierOverrideConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListTierOverridesResponse:
            request = pb.ListTierOverridesRequest(
                program_id=info.context.program_id,
                member_id="" if member_id is None else member_key(member_id),
                pending=pending,
                page_size=size,
                page_token=token,
            )
            return await info.context.clients.tiers.ListTierOverrides(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_overrides(pb.ListTierOverridesResponse(), "", after)
        return page_of_overrides(await page(first, page_token), page_token, after)
