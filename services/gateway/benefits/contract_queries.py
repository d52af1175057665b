"""Queries around contracts: what may be bought, what was sold, and the pool of who ran out."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import contracts_pb2 as pb
from services.gateway.benefits.documents import parsed
from services.gateway.benefits.types.contract_pages import (
    ContractConnection,
    RenewalPoolConnection,
    page_of_contracts,
    page_of_pool,
)
from services.gateway.benefits.types.contracts import ContractPlan, Satisfaction, plan_of
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Context, Info
from services.gateway.pages import Cursor, page_token_at
from services.gateway.sources import loaded
from services.gateway.values import checked_first, wire


@strawberry.type
class ContractsQuery:
    @loaded(
        list[ContractPlan] | None,
        lambda context: context.benefits.program,
        lambda _, live: [plan_of(plan) for plan in parsed(live.document).contracts.plans],
        description="What members of the program may buy, and what they could once.",
    )
    def contract_plans(self, context: Context) -> str:
        return context.program_id

    @strawberry.field(description="Contracts of members whom the caller sees, latest sale first.")
    async def contracts(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to go on after; with the same filters.")
        ] = None,
        plan: Annotated[
            str | None, strawberry.argument(description="Only contracts of the plan of this key.")
        ] = None,
    ) -> ContractConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListContractsResponse:
            request = pb.ListContractsRequest(
                program_id=info.context.program_id, page_size=size, page_token=token, plan=plan or ""
            )
            return await info.context.clients.contracts.ListContracts(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_contracts(pb.ListContractsResponse(), "", after)
        return page_of_contracts(await page(first, page_token), page_token, after)

    @strawberry.field(description="Members whose contract has run out, the longest ago first.")
    async def renewal_pool(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[
            str | None, strawberry.argument(description="Cursor to go on after; with the same filters.")
        ] = None,
        satisfaction: Annotated[
            Satisfaction | None, strawberry.argument(description="Only those who are this content.")
        ] = None,
    ) -> RenewalPoolConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListRenewalPoolResponse:
            request = pb.ListRenewalPoolRequest(
                program_id=info.context.program_id,
                page_size=size,
                page_token=token,
                satisfaction=wire(satisfaction),
            )
            return await info.context.clients.contracts.ListRenewalPool(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_pool(pb.ListRenewalPoolResponse(), "", after)
        return page_of_pool(await page(first, page_token), page_token, after)
