"""Loads from benefits: what of members' points is on hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import points_pb2 as pb
from laurel.benefits.v1 import tills_pb2
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.points_pb2_grpc import PointsServiceAsyncStub


class PointsLoaders:
    """What one request reads of points in use."""

    def __init__(self, points: "PointsServiceAsyncStub", program_id: str) -> None:
        self._points, self._program_id = points, program_id
        self.holds = DataLoader(self._load_holds, max_batch_size=KEYS_MAX)

    async def _load_holds(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[tills_pb2.PointsHold] | Exception | None]:
        return await for_each_argument(keys, self._load_first_holds)

    async def _load_first_holds(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[tills_pb2.PointsHold] | Exception | None]:
        request = pb.BatchListHoldsRequest(program_id=self._program_id, member_ids=ids, first=first)
        response = await self._points.BatchListHolds(request, timeout=READ_SECONDS)
        return [found(result.status, result.holds) for result in response.results]
