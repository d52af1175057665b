"""Queries of how the program changes: its versions, and what they would do."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import programs_pb2 as pb
from services.gateway.benefits.types.program_versions import ProgramVersionConnection, page_of_versions
from services.gateway.benefits.types.simulations import Simulation, simulation_of
from services.gateway.clients import LIST_SECONDS
from services.gateway.context import Info
from services.gateway.pages import Cursor, page_token_at
from services.gateway.sources import loaded, one
from services.gateway.values import checked_first


@strawberry.type
class ProgramsQuery:
    @loaded(
        Simulation | None,
        lambda context: context.simulations.simulation,
        one(simulation_of),
        description="A simulation of a version of the program; null where there is none.",
    )
    def simulation(
        self, simulation_id: Annotated[strawberry.ID, strawberry.argument(description="`sim_…`.")]
    ) -> str:
        return simulation_id

    @strawberry.field(description="The versions of the program, with drafts, the latest first.")
    async def program_versions(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many, 1 to 100.")] = 20,
        after: Annotated[str | None, strawberry.argument(description="Cursor to go on after.")] = None,
    ) -> ProgramVersionConnection | None:
        checked_first(first)

        async def page(size: int, token: str) -> pb.ListProgramVersionsResponse:
            request = pb.ListProgramVersionsRequest(
                program_id=info.context.program_id, page_size=size, page_token=token
            )
            return await info.context.clients.programs.ListProgramVersions(request, timeout=LIST_SECONDS)

        page_token = await page_token_at(Cursor.decode(after), page)
        if page_token is None:
            return page_of_versions(pb.ListProgramVersionsResponse(), "", after)
        return page_of_versions(await page(first, page_token), page_token, after)
