"""Loads from benefits: rewards, whether members may have them, and what members have of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from laurel.benefits.v1 import rewards_pb2 as pb
from services.gateway.clients import LIST_SECONDS, READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.rewards_pb2_grpc import RewardsServiceAsyncStub


@dataclass(frozen=True, slots=True)
class CheckKey:
    """A member and a reward."""

    member_id: str
    reward_id: str


class RewardsLoaders:
    """What one request reads of rewards."""

    def __init__(self, rewards: "RewardsServiceAsyncStub", program_id: str) -> None:
        self._rewards, self._program_id = rewards, program_id
        self.reward = DataLoader(self._load_rewards, max_batch_size=KEYS_MAX)
        self.check = DataLoader(self._load_checks, max_batch_size=KEYS_MAX)
        self.redemptions = DataLoader(self._load_redemptions, max_batch_size=KEYS_MAX)

    async def page(
        self, *, page_size: int, page_token: str, kind: pb.RewardKind.ValueType | None, archived: bool
    ) -> pb.ListRewardsResponse:
        """A page of the catalogue."""
        request = pb.ListRewardsRequest(
            program_id=self._program_id,
            page_size=page_size,
            page_token=page_token,
            kind=kind or pb.REWARD_KIND_UNSPECIFIED,
            include_archived=archived,
        )
        return await self._rewards.ListRewards(request, timeout=LIST_SECONDS)

    async def _load_rewards(self, ids: list[str]) -> Sequence[pb.Reward | Exception | None]:
        request = pb.BatchGetRewardsRequest(program_id=self._program_id, reward_ids=ids)
        response = await self._rewards.BatchGetRewards(request, timeout=READ_SECONDS)
        return [found(result.status, result.reward) for result in response.results]

    async def _load_checks(self, keys: list[CheckKey]) -> Sequence[pb.RewardCheckResult | Exception | None]:
        wanted = [pb.RewardCheckKey(member_id=each.member_id, reward_id=each.reward_id) for each in keys]
        request = pb.BatchCheckRewardsRequest(program_id=self._program_id, keys=wanted)
        response = await self._rewards.BatchCheckRewards(request, timeout=READ_SECONDS)
        return [found(result.status, result) for result in response.results]

    async def _load_redemptions(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[pb.Redemption] | Exception | None]:
        return await for_each_argument(keys, self._load_first_redemptions)

    async def _load_first_redemptions(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[pb.Redemption] | Exception | None]:
        request = pb.BatchListRedemptionsRequest(program_id=self._program_id, member_ids=ids, first=first)
        response = await self._rewards.BatchListRedemptions(request, timeout=READ_SECONDS)
        return [found(result.status, result.redemptions) for result in response.results]
