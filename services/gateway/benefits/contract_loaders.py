"""Loads from benefits: the contracts of members."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import contracts_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.contracts_pb2_grpc import ContractsServiceAsyncStub


class ContractsLoaders:
    """What one request reads of contracts."""

    def __init__(self, contracts: "ContractsServiceAsyncStub", program_id: str) -> None:
        self._contracts, self._program_id = contracts, program_id
        self.contracts = DataLoader(self._load_contracts, max_batch_size=KEYS_MAX)

    async def _load_contracts(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[pb.Contract] | Exception | None]:
        return await for_each_argument(keys, self._load_first_contracts)

    async def _load_first_contracts(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[pb.Contract] | Exception | None]:
        request = pb.BatchListContractsRequest(program_id=self._program_id, member_ids=ids, first=first)
        response = await self._contracts.BatchListContracts(request, timeout=READ_SECONDS)
        return [found(result.status, result.contracts) for result in response.results]
