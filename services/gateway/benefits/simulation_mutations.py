"""Mutations of simulations: show what a version of the program would do."""

# strawberry.mutation is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from datetime import datetime
from typing import Annotated

import strawberry

from laurel.benefits.v1 import simulations_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.benefits.types.simulations import Simulation, simulation_of
from services.gateway.clients import WRITE_SECONDS
from services.gateway.context import Info
from services.gateway.refused import REQUEST_ID, Refused, attempted
from services.gateway.values import zoned


@strawberry.input(description="What to assume, in basis points, but for the last; null is what is proposed.")
class SimulationAssumptionsInput:
    loss_low_bp: int | None = strawberry.field(
        default=None, description="By how much those spend less, at the least, who lose status."
    )
    loss_high_bp: int | None = strawberry.field(default=None, description="By how much at the most.")
    gain_low_bp: int | None = strawberry.field(
        default=None, description="By how much those spend more, at the least, who gain status."
    )
    gain_high_bp: int | None = strawberry.field(default=None, description="By how much at the most.")
    gross_margin_bp: int | None = strawberry.field(
        default=None, description="What is left of a price after the goods are paid."
    )
    benefit_use_bp: int | None = strawberry.field(
        default=None, description="How much of the quotas of benefits is used."
    )
    unbounded_uses: int | None = strawberry.field(
        default=None, description="How often in a year a benefit without a quota is used."
    )


@strawberry.input(description="A version that is to be simulated against the live one.")
class SimulateProgramVersionInput:
    request_id: str = strawberry.field(description=REQUEST_ID)
    version: int = strawberry.field(description="Which one: proposed, simulated before, or approved.")
    dates: list[datetime] | None = strawberry.field(
        default=None, description="Business days of the past, by any of their times; at most 60."
    )
    months: int | None = strawberry.field(
        default=None, description="So many ends of months before today instead; 12 when neither is said."
    )
    assumptions: SimulationAssumptionsInput | None = strawberry.field(
        default=None, description="What to assume; what is proposed when absent."
    )


@strawberry.type(description="The simulation waits, and runs by itself.")
class Simulating:
    simulation: Simulation = strawberry.field(description="As it stands.")


SimulateProgramVersionResult = Annotated[
    Simulating | Refused,
    strawberry.union("SimulateProgramVersionResult", description="The simulation, or a refusal."),
]


@strawberry.type
class SimulationsMutation:
    @strawberry.mutation(
        description="Starts a simulation, which shows what a version would do if it were live."
    )
    async def simulate_program_version(
        self,
        info: Info,
        input: Annotated[SimulateProgramVersionInput, strawberry.argument(description="Which, and how.")],  # noqa: A002
    ) -> SimulateProgramVersionResult | None:
        assumed = input.assumptions or SimulationAssumptionsInput()
        request = pb.SimulateProgramVersionRequest(
            program_id=info.context.program_id,
            request_id=input.request_id,
            version=input.version,
            dates=[timestamp(zoned(each)) for each in input.dates or []],
            months=input.months or 0,
            assumptions=pb.SimulationAssumptions(**vars(assumed)),
        )
        simulations = info.context.clients.simulations
        answer = await attempted(simulations.SimulateProgramVersion(request, timeout=WRITE_SECONDS))
        if isinstance(answer, Refused):
            return answer
        return Simulating(simulation=simulation_of(answer.simulation))
