"""Queries for what benefits holds by itself: programs, and how one divides a value."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from typing import Annotated

import strawberry

from laurel.benefits.v1 import entitlements_pb2
from services.gateway.benefits.types.decisions import Decision, decision_of
from services.gateway.benefits.types.mixes import ValueSplit, split_of
from services.gateway.benefits.types.programs import Program, program_of
from services.gateway.clients import READ_SECONDS
from services.gateway.context import Info
from services.gateway.members.ids import member_key
from services.gateway.refused import Refused, attempted
from services.gateway.sources import loaded, one
from services.gateway.values import AmountMinor


@strawberry.type(description="The value was divided; nothing was given.")
class DividedValue:
    split: ValueSplit = strawberry.field(description="What is cash, and what is service.")


SplitValueResult = Annotated[
    DividedValue | Refused, strawberry.union("SplitValueResult", description="A divided value, or a refusal.")
]


@strawberry.type
class BenefitsQuery:
    @loaded(
        Program | None,
        lambda context: context.benefits.program,
        one(program_of),
        description="A program in its live version; null when the caller has none of this key.",
    )
    def program(self, key: Annotated[str, strawberry.argument(description="Key of the program.")]) -> str:
        return key

    @loaded(
        Decision | None,
        lambda context: context.decisions.decision,
        one(decision_of),
        description="A tier decision of a member whom the caller may see; null without one.",
    )
    def decision(
        self,
        decision_id: Annotated[
            strawberry.ID, strawberry.argument(description="Id of the decision: `dec_…`.")
        ],
    ) -> str:
        return decision_id

    @strawberry.field(
        description=(
            "How what is given back to a member is divided between cash and service, by the program's mix: "
            "which segment decides, and why those before it do not."
        )
    )
    async def split_value(
        self,
        info: Info,
        member_id: Annotated[
            strawberry.ID, strawberry.argument(description="Who gets it: the global id, or `mem_…`.")
        ],
        value_minor: Annotated[
            AmountMinor,
            strawberry.argument(description="How much, in minor units of the program's currency."),
        ],
    ) -> SplitValueResult | None:
        request = entitlements_pb2.SplitValueRequest(
            program_id=info.context.program_id, member_id=member_key(member_id), value_minor=value_minor
        )
        answer = await attempted(info.context.clients.entitlements.SplitValue(request, timeout=READ_SECONDS))
        return answer if isinstance(answer, Refused) else DividedValue(split=split_of(answer))
