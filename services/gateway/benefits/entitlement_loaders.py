"""Loads from benefits: what members have left of their benefits, and what they do not have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import entitlements_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, found

if TYPE_CHECKING:
    from laurel.benefits.v1.entitlements_pb2_grpc import EntitlementsServiceAsyncStub


class EntitlementsLoaders:
    """What one request reads of benefits in use."""

    def __init__(self, entitlements: "EntitlementsServiceAsyncStub", program_id: str) -> None:
        self._entitlements, self._program_id = entitlements, program_id
        self.allowances = DataLoader(self._load_allowances, max_batch_size=KEYS_MAX)
        self.unlocks = DataLoader(self._load_unlocks, max_batch_size=KEYS_MAX)
        self.growth_paths = DataLoader(self._load_growth_paths, max_batch_size=KEYS_MAX)
        self.locked = DataLoader(self._load_locked, max_batch_size=KEYS_MAX)

    async def _load_allowances(self, ids: list[str]) -> Sequence[Sequence[pb.Allowance] | Exception | None]:
        request = pb.BatchListAllowancesRequest(program_id=self._program_id, member_ids=ids)
        response = await self._entitlements.BatchListAllowances(request, timeout=READ_SECONDS)
        return [found(result.status, result.allowances) for result in response.results]

    async def _load_unlocks(self, ids: list[str]) -> Sequence[Sequence[pb.Unlock] | Exception | None]:
        request = pb.BatchListUnlocksRequest(program_id=self._program_id, member_ids=ids)
        response = await self._entitlements.BatchListUnlocks(request, timeout=READ_SECONDS)
        return [found(result.status, result.unlocks) for result in response.results]

    async def _load_growth_paths(
        self, ids: list[str]
    ) -> Sequence[Sequence[pb.GrowthPath] | Exception | None]:
        request = pb.BatchListGrowthPathsRequest(program_id=self._program_id, member_ids=ids)
        response = await self._entitlements.BatchListGrowthPaths(request, timeout=READ_SECONDS)
        return [found(result.status, result.paths) for result in response.results]

    async def _load_locked(self, ids: list[str]) -> Sequence[Sequence[pb.LockedBenefit] | Exception | None]:
        request = pb.BatchListLockedBenefitsRequest(program_id=self._program_id, member_ids=ids)
        response = await self._entitlements.BatchListLockedBenefits(request, timeout=READ_SECONDS)
        return [found(result.status, result.benefits) for result in response.results]
