"""Queries for what benefits holds by itself: programs."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from services.gateway.benefits.types.programs import Program, program_of
from services.gateway.context import Info


@strawberry.type
class BenefitsQuery:
    @strawberry.field(description="A program in its live version; null when the caller has none of this key.")
    async def program(
        self, info: Info, key: Annotated[str, strawberry.argument(description="Key of the program.")]
    ) -> Program | None:
        program = await info.context.benefits.program.load(key)
        return None if program is None else program_of(program)
