"""Loads from benefits: the badges of members, and badges by number with their proofs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from laurel.benefits.v1 import badges_pb2 as pb
from services.gateway.clients import LIST_SECONDS, READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.badges_pb2_grpc import BadgesServiceAsyncStub

VERIFIED_MAX = 50


class BadgesLoaders:
    """What one request reads of badges."""

    def __init__(self, badges: "BadgesServiceAsyncStub", program_id: str) -> None:
        self._badges, self._program_id = badges, program_id
        self.badges = DataLoader(self._load_badges, max_batch_size=KEYS_MAX)
        self.verified = DataLoader(self._load_verified, max_batch_size=VERIFIED_MAX)

    async def _load_badges(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[pb.Badge] | Exception | None]:
        return await for_each_argument(keys, self._load_first_badges)

    async def _load_first_badges(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[pb.Badge] | Exception | None]:
        request = pb.BatchListBadgesRequest(program_id=self._program_id, member_ids=ids, first=first)
        response = await self._badges.BatchListBadges(request, timeout=READ_SECONDS)
        return [found(result.status, result.badges) for result in response.results]

    async def _load_verified(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[pb.VerifiedBadge | Exception | None]:
        request = pb.BatchVerifyBadgesRequest(
            program_id=self._program_id, keys=[pb.BadgeKey(key=key, serial=serial) for key, serial in keys]
        )
        response = await self._badges.BatchVerifyBadges(request, timeout=LIST_SECONDS)
        return [found(result.status, result.verified) for result in response.results]
