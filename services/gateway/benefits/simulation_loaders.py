"""Loads from benefits: simulations of versions of the program, with their results."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import simulations_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import DataLoader, found

if TYPE_CHECKING:
    from laurel.benefits.v1.simulations_pb2_grpc import SimulationsServiceAsyncStub

TOGETHER_MAX = 20


class SimulationsLoaders:
    """What one request reads of simulations."""

    def __init__(self, simulations: "SimulationsServiceAsyncStub", program_id: str) -> None:
        self._simulations, self._program_id = simulations, program_id
        self.simulation = DataLoader(self._load, max_batch_size=TOGETHER_MAX)

    async def _load(self, ids: list[str]) -> Sequence[pb.Simulation | Exception | None]:
        request = pb.BatchGetSimulationsRequest(program_id=self._program_id, simulation_ids=ids)
        response = await self._simulations.BatchGetSimulations(request, timeout=READ_SECONDS)
        return [found(result.status, result.simulation) for result in response.results]
