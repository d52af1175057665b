"""Loads from risk: the standing of members."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from strawberry.dataloader import DataLoader

from laurel.risk.v1 import risk_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, found

if TYPE_CHECKING:
    from laurel.risk.v1.risk_pb2_grpc import RiskServiceAsyncStub


class RiskLoaders:
    """What one request reads from risk."""

    def __init__(self, risk: "RiskServiceAsyncStub", program_id: str) -> None:
        self._risk, self._program_id = risk, program_id
        self.profile = DataLoader(self._load_profiles, max_batch_size=KEYS_MAX)

    async def _load_profiles(self, ids: list[str]) -> Sequence[pb.RiskProfile | Exception | None]:
        request = pb.BatchGetRiskProfilesRequest(program_id=self._program_id, member_ids=ids)
        response = await self._risk.BatchGetRiskProfiles(request, timeout=READ_SECONDS)
        return [found(result.status, result.profile) for result in response.results]
