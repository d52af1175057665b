"""Loads from members: who they are, which facts hold, and pages of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.clients import LIST_SECONDS, READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, shown
from services.gateway.shared.sharer import Shared

if TYPE_CHECKING:
    from laurel.members.v1.members_pb2_grpc import MembersServiceAsyncStub

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactsKey:
    """A member at a time; the program's now when None."""

    member_id: str
    as_of: datetime | None


class MembersLoaders:
    """What one request reads from members."""

    def __init__(self, members: "MembersServiceAsyncStub", shared: Shared, program_id: str) -> None:
        self._members, self._shared, self._program_id = members, shared, program_id
        self.member = DataLoader(self._load_members, max_batch_size=KEYS_MAX)
        self.facts = DataLoader(self._load_facts, max_batch_size=KEYS_MAX)

    async def page(
        self, *, page_size: int, page_token: str, tier: tuple[str, str] | None
    ) -> pb.ListMembersResponse:
        """A page of members, of one tier (tier set, tier) or of all."""
        request = pb.ListMembersRequest(
            program_id=self._program_id, page_size=page_size, page_token=page_token
        )
        if tier is not None:
            request.tier.tier_set, request.tier.tier = tier
        return await self._members.ListMembers(request, timeout=LIST_SECONDS)

    async def _load_members(self, ids: list[str]) -> Sequence[pb.Member | Exception | None]:
        values = await self._shared.read("members", ids, seconds=READ_SECONDS)
        return shown(values, lambda result: result.member)

    async def _load_facts(
        self, keys: list[tuple[FactsKey, Names]]
    ) -> Sequence[pb.FactsResult | Exception | None]:
        return await for_each_argument(
            [(key.member_id, (key.as_of, names)) for key, names in keys], self._load_facts_named
        )

    async def _load_facts_named(
        self, ids: list[str], asked: tuple[datetime | None, Names]
    ) -> Sequence[pb.FactsResult | Exception | None]:
        as_of, names = asked
        arguments = pb.ReadArguments(as_of=None if as_of is None else timestamp(as_of), names=names)
        values = await self._shared.read("facts", ids, arguments, seconds=READ_SECONDS)
        return shown(values, lambda result: result)
