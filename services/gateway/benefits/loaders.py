"""Loads from benefits: programs, tiers with their decisions, points, entitlements and notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2, notices_pb2
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import (
    KEYS_MAX,
    DataLoader,
    SharedLoader,
    SharedRead,
    for_each_argument,
    found,
    made_once,
)
from services.gateway.shared.sharer import Shared

if TYPE_CHECKING:
    from laurel.benefits.v1.notices_pb2_grpc import NoticesServiceAsyncStub


@dataclass(frozen=True, slots=True)
class MembershipKey:
    """A member in a tier set."""

    member_id: str
    tier_set: str


class BenefitsLoaders:
    """What one request reads from benefits."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    @made_once
    def program(self) -> SharedLoader[str, pb.Program | None]:
        return SharedLoader(self._shared, _PROGRAM)

    @made_once
    def memberships(self) -> SharedLoader[str, Sequence[pb.Membership] | None]:
        return SharedLoader(self._shared, _MEMBERSHIPS)

    @made_once
    def tier_changes(
        self,
    ) -> SharedLoader[tuple[str, tuple[str, int]], Sequence[events_pb2.TierChange] | None]:
        return SharedLoader(self._shared, _TIER_CHANGES)

    @made_once
    def account(self) -> SharedLoader[str, pb.PointsAccount | None]:
        return SharedLoader(self._shared, _ACCOUNT)

    @made_once
    def entries(self) -> SharedLoader[tuple[str, tuple[str, int]], Sequence[pb.Entry] | None]:
        return SharedLoader(self._shared, _ENTRIES)

    @made_once
    def entitlements(self) -> SharedLoader[str, Sequence[pb.Entitlement] | None]:
        return SharedLoader(self._shared, _ENTITLEMENTS)


def _of_tier_set(asked: tuple[str, int]) -> pb.ReadArguments:
    tier_set, first = asked
    return pb.ReadArguments(tier_set=tier_set, first=first)


def _of_point_type(asked: tuple[str, int]) -> pb.ReadArguments:
    point_type, first = asked
    return pb.ReadArguments(first=first, point_type=point_type)


_PROGRAM = SharedRead("programs", attrgetter("program"), READ_SECONDS)
_MEMBERSHIPS = SharedRead("memberships", attrgetter("memberships"), READ_SECONDS)
_TIER_CHANGES = SharedRead("tier_changes", attrgetter("changes"), READ_SECONDS, _of_tier_set)
_ACCOUNT = SharedRead("accounts", attrgetter("account"), READ_SECONDS)
_ENTRIES = SharedRead("entries", attrgetter("entries"), READ_SECONDS, _of_point_type)
_ENTITLEMENTS = SharedRead("entitlements", attrgetter("entitlements"), READ_SECONDS)


class NoticesLoaders:
    """What one request reads of notices."""

    def __init__(self, notices: "NoticesServiceAsyncStub", program_id: str) -> None:
        self._notices, self._program_id = notices, program_id
        self.notices = DataLoader(self._load_notices, max_batch_size=KEYS_MAX)
        self.preferences = DataLoader(self._load_preferences, max_batch_size=KEYS_MAX)

    async def _load_notices(
        self, keys: list[tuple[str, int]]
    ) -> Sequence[Sequence[notices_pb2.Notice] | Exception | None]:
        return await for_each_argument(keys, self._load_first_notices)

    async def _load_first_notices(
        self, ids: list[str], first: int
    ) -> Sequence[Sequence[notices_pb2.Notice] | Exception | None]:
        request = notices_pb2.BatchListNoticesRequest(
            program_id=self._program_id, member_ids=ids, page_size=first
        )
        response = await self._notices.BatchListNotices(request, timeout=READ_SECONDS)
        return [found(result.status, result.notices) for result in response.results]

    async def _load_preferences(
        self, ids: list[str]
    ) -> Sequence[notices_pb2.NoticePreferences | Exception | None]:
        request = notices_pb2.BatchGetNoticePreferencesRequest(program_id=self._program_id, member_ids=ids)
        response = await self._notices.BatchGetNoticePreferences(request, timeout=READ_SECONDS)
        return [found(result.status, result.preferences) for result in response.results]
