"""Loads from members: who they are, which facts hold, and pages of them."""

from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.time import timestamp
from services.gateway.clients import LIST_SECONDS, READ_SECONDS
from services.gateway.loading import SharedLoader, SharedRead, made_once
from services.gateway.shared.sharer import Shared

if TYPE_CHECKING:
    from laurel.members.v1.members_pb2_grpc import MembersServiceAsyncStub

FactsAsked = tuple[datetime | None, tuple[str, ...]]
"""As of when, the program's now when None; and which by name, all when there are none."""


class FactsKey(NamedTuple):
    """A member at a time; the program's now when None."""

    member_id: str
    as_of: datetime | None


class MembersLoaders:
    """What one request reads from members."""

    def __init__(self, members: "MembersServiceAsyncStub", shared: Shared, program_id: str) -> None:
        self._members, self._shared, self._program_id = members, shared, program_id

    @made_once
    def member(self) -> SharedLoader[str, pb.Member | None]:
        return SharedLoader(self._shared, _MEMBER)

    @made_once
    def facts(self) -> SharedLoader[tuple[str, FactsAsked], pb.FactsResult | None]:
        return SharedLoader(self._shared, _FACTS)

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


def _arguments(asked: FactsAsked) -> pb.ReadArguments:
    as_of, names = asked
    return pb.ReadArguments(as_of=None if as_of is None else timestamp(as_of), names=names)


_MEMBER = SharedRead("members", attrgetter("member"), READ_SECONDS)
_FACTS = SharedRead("facts", lambda result: result, READ_SECONDS, _arguments)
