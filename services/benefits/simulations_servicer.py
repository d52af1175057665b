"""The gRPC edge of simulations: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import simulations_pb2 as pb
from laurel.benefits.v1 import simulations_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.errors import PageTokenInvalid
from libs.common.mongo import Request, request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from libs.common.rpc.time import moment
from services.benefits.domain.simulations import Simulation
from services.benefits.handlers.simulations import SimulationHandlers
from services.benefits.simulation_messages import assumptions_of, simulation_message

PAGE_SIZE = 20
MOVES_PAGE_SIZE = 100
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
DIRECTIONS = {pb.SIMULATED_DIRECTION_UP: True, pb.SIMULATED_DIRECTION_DOWN: False}


@dataclass(frozen=True)
class SimulationsServicer(simulations_pb2_grpc.SimulationsServiceServicer):
    """SimulationsService over its handlers."""

    simulations: SimulationHandlers

    async def SimulateProgramVersion(
        self, message: pb.SimulateProgramVersionRequest, context: Any
    ) -> pb.SimulateProgramVersionResponse:
        asked: Request[pb.SimulateProgramVersionResponse] = request(
            message.program_id,
            "SimulateProgramVersion",
            message.request_id,
            message,
            pb.SimulateProgramVersionResponse,
        )
        return await self.simulations.simulate(
            message.program_id,
            message.version,
            [moment(each) for each in message.dates],
            message.months,
            assumptions_of(message.assumptions),
            asked,
            lambda run: pb.SimulateProgramVersionResponse(simulation=simulation_message(run, whole=True)),
        )

    async def BatchGetSimulations(
        self, message: pb.BatchGetSimulationsRequest, context: Any
    ) -> pb.BatchGetSimulationsResponse:
        found = await self.simulations.several(message.program_id, message.simulation_ids)
        missing = pb.SimulationLookup(status=MISSING)
        return pb.BatchGetSimulationsResponse(
            results=in_order(message.simulation_ids, found, _found, missing=missing)
        )

    async def ListSimulations(
        self, message: pb.ListSimulationsRequest, context: Any
    ) -> pb.ListSimulationsResponse:
        filters = (message.program_id, str(message.version))
        runs, more = await self.simulations.page(
            message.program_id,
            version=message.version or None,
            before=_place(page_after(message.page_token, *filters)),
            limit=message.page_size or PAGE_SIZE,
        )
        last = f"{runs[-1].asked_time.isoformat()} {runs[-1].simulation_id}" if runs else ""
        return pb.ListSimulationsResponse(
            simulations=[simulation_message(each, whole=False) for each in runs],
            next_page_token=page_token(last, *filters) if more else "",
        )

    async def ListSimulatedMoves(
        self, message: pb.ListSimulatedMovesRequest, context: Any
    ) -> pb.ListSimulatedMovesResponse:
        filters = (message.program_id, message.simulation_id, str(message.direction))
        moves, more = await self.simulations.moves(
            message.program_id,
            message.simulation_id,
            upgraded=DIRECTIONS.get(message.direction),
            after=page_after(message.page_token, *filters) or "",
            limit=message.page_size or MOVES_PAGE_SIZE,
        )
        return pb.ListSimulatedMovesResponse(
            moves=[
                pb.SimulatedMove(
                    member_id=each.member_id,
                    tier_set=each.tier_set,
                    from_tier=each.from_tier,
                    to_tier=each.to_tier,
                    upgraded=each.upgraded,
                )
                for each in moves
            ],
            next_page_token=page_token(moves[-1].place, *filters) if more else "",
        )

    async def WatchSimulation(
        self, message: pb.WatchSimulationRequest, context: Any
    ) -> AsyncIterator[pb.WatchSimulationResponse]:
        async for run in self.simulations.watch(message.program_id, message.simulation_id):
            yield pb.WatchSimulationResponse(simulation=simulation_message(run, whole=False))


def _found(run: Simulation) -> pb.SimulationLookup:
    return pb.SimulationLookup(status=FOUND, simulation=simulation_message(run, whole=True))


def _place(after: str | None) -> tuple[datetime, str] | None:
    """The time and the id that a page ended with."""
    if after is None:
        return None
    try:
        time, simulation_id = after.split(" ")
        return datetime.fromisoformat(time), simulation_id
    except ValueError as error:
        raise PageTokenInvalid from error
