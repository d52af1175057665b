"""Loads from benefits: the coupons that members were given."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import coupons_pb2 as pb
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.coupons_pb2_grpc import CouponsServiceAsyncStub


class CouponsLoaders:
    """What one request reads of coupons."""

    def __init__(self, coupons: "CouponsServiceAsyncStub", program_id: str) -> None:
        self._coupons, self._program_id = coupons, program_id
        self.coupons = DataLoader(self._load_coupons, max_batch_size=KEYS_MAX)

    async def _load_coupons(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[pb.MemberCoupon] | Exception | None]:
        return await for_each_argument(keys, self._load_first_coupons)

    async def _load_first_coupons(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[pb.MemberCoupon] | Exception | None]:
        request = pb.BatchListMemberCouponsRequest(program_id=self._program_id, member_ids=ids, first=first)
        response = await self._coupons.BatchListMemberCoupons(request, timeout=READ_SECONDS)
        return [found(result.status, result.coupons) for result in response.results]
