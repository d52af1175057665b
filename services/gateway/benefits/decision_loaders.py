"""Loads from benefits: decisions by their ids and decided again, what reaches tiers and what keeps them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from laurel.benefits.v1 import benefits_pb2
from laurel.benefits.v1 import decisions_pb2 as pb
from laurel.scoring.v1 import explanations_pb2
from libs.common.rpc.time import timestamp
from services.gateway.benefits.loaders import MembershipKey
from services.gateway.clients import LIST_SECONDS, READ_SECONDS
from services.gateway.errors import InvalidInput
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.benefits_pb2_grpc import BenefitsServiceAsyncStub
    from laurel.benefits.v1.decisions_pb2_grpc import DecisionsServiceAsyncStub

REPLAYS_TOGETHER_MAX = 100
EXPLAINED_MAX = 20
"""Each path is searched for, and what keeps a tier is read for each day: no page of people reads more."""

Target = tuple[str, datetime | None]


class DecisionsLoaders:
    """What one request reads of decisions and asks about them."""

    def __init__(
        self,
        benefits: "BenefitsServiceAsyncStub",
        decisions: "DecisionsServiceAsyncStub",
        program_id: str,
    ) -> None:
        self._benefits, self._decisions, self._program_id = benefits, decisions, program_id
        self._explained = 0
        self.decision = DataLoader(self._load_decisions, max_batch_size=KEYS_MAX)
        self.replay = DataLoader(self._load_replays, max_batch_size=REPLAYS_TOGETHER_MAX)
        self.paths = DataLoader(self._load_paths, max_batch_size=EXPLAINED_MAX)
        self.keeping = DataLoader(self._load_keepings, max_batch_size=EXPLAINED_MAX)

    async def _load_decisions(self, ids: list[str]) -> Sequence[benefits_pb2.Decision | Exception | None]:
        request = benefits_pb2.BatchGetDecisionsRequest(program_id=self._program_id, decision_ids=ids)
        response = await self._benefits.BatchGetDecisions(request, timeout=READ_SECONDS)
        return [found(result.status, result.decision) for result in response.results]

    async def _load_replays(self, ids: list[str]) -> Sequence[explanations_pb2.Replay | Exception | None]:
        request = pb.BatchReplayDecisionsRequest(program_id=self._program_id, decision_ids=ids)
        response = await self._decisions.BatchReplayDecisions(request, timeout=LIST_SECONDS)
        return [found(result.status, result.replay) for result in response.results]

    async def _load_paths(
        self, keys: list[tuple[MembershipKey, Target]]
    ) -> Sequence[pb.FindPathsResponse | Exception | None]:
        self._count(len(keys))
        return await for_each_argument(keys, self._load_paths_to)

    async def _load_paths_to(
        self, keys: list[MembershipKey], target: Target
    ) -> Sequence[pb.FindPathsResponse | Exception | None]:
        tier, by = target
        request = pb.BatchFindPathsRequest(
            program_id=self._program_id,
            keys=map(_message, keys),
            target_tier=tier,
            by_time=None if by is None else timestamp(by),
        )
        response = await self._decisions.BatchFindPaths(request, timeout=LIST_SECONDS)
        return [found(result.status, result.paths) for result in response.results]

    async def _load_keepings(
        self, keys: list[MembershipKey]
    ) -> Sequence[pb.GetKeepingResponse | Exception | None]:
        self._count(len(keys))
        request = pb.BatchGetKeepingsRequest(program_id=self._program_id, keys=map(_message, keys))
        response = await self._decisions.BatchGetKeepings(request, timeout=LIST_SECONDS)
        return [found(result.status, result.keeping) for result in response.results]

    def _count(self, asked: int) -> None:
        self._explained += asked
        if self._explained > EXPLAINED_MAX:
            raise InvalidInput(f"at most {EXPLAINED_MAX} `paths` and `keeping` are answered in one request")


def _message(key: MembershipKey) -> benefits_pb2.MembershipKey:
    return benefits_pb2.MembershipKey(member_id=key.member_id, tier_set=key.tier_set)
