"""Loads from risk: the standing of members, and how it came about."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import (
    DataLoader,
    SharedLoader,
    SharedRead,
    for_each_argument,
    found,
    made_once,
)
from services.gateway.shared.sharer import Shared

if TYPE_CHECKING:
    from laurel.risk.v1.risk_pb2_grpc import RiskServiceAsyncStub


_PROFILE = SharedRead("profiles", attrgetter("profile"), READ_SECONDS)
CHANGES_KEYS_MAX = 100
"""Members in one call: risk answers with 10,000 changes at most, and up to 100 of each."""


class RiskLoaders:
    """What one request reads from risk."""

    def __init__(self, risk: "RiskServiceAsyncStub", shared: Shared, program_id: str) -> None:
        self._risk, self._shared, self._program_id = risk, shared, program_id

    @made_once
    def profile(self) -> SharedLoader[str, pb.RiskProfile | None]:
        return SharedLoader(self._shared, _PROFILE)

    @made_once
    def changes(self) -> DataLoader[tuple[str, int], Sequence[pb.IntegrityChange] | None]:
        """How standings came about, by member; how many of the latest."""
        return DataLoader(self._load_changes, max_batch_size=CHANGES_KEYS_MAX)

    async def _load_changes(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[pb.IntegrityChange] | Exception | None]:
        return await for_each_argument(keys, self._load_first_changes)

    async def _load_first_changes(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[pb.IntegrityChange] | Exception | None]:
        request = pb.BatchListIntegrityChangesRequest(
            program_id=self._program_id, member_ids=ids, first=first
        )
        response = await self._risk.BatchListIntegrityChanges(request, timeout=READ_SECONDS)
        return [found(result.status, result.changes) for result in response.results]
