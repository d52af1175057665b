"""Loads from benefits: programs, tiers with their decisions, points, entitlements and notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2, notices_pb2
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, DataLoader, for_each_argument, found, shown
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

    def __init__(self, shared: Shared, program_id: str) -> None:
        self._shared = shared
        self.program = DataLoader(self._load_programs, max_batch_size=KEYS_MAX)
        self.memberships = DataLoader(self._load_memberships, max_batch_size=KEYS_MAX)
        self.tier_changes = DataLoader(self._load_tier_changes, max_batch_size=KEYS_MAX)
        self.account = DataLoader(self._load_accounts, max_batch_size=KEYS_MAX)
        self.entries = DataLoader(self._load_entries, max_batch_size=KEYS_MAX)
        self.entitlements = DataLoader(self._load_entitlements, max_batch_size=KEYS_MAX)

    async def _load_programs(self, keys: list[str]) -> Sequence[pb.Program | Exception | None]:
        values = await self._shared.read("programs", keys, seconds=READ_SECONDS)
        return shown(values, lambda result: result.program)

    async def _load_memberships(self, ids: list[str]) -> Sequence[Sequence[pb.Membership] | Exception | None]:
        values = await self._shared.read("memberships", ids, seconds=READ_SECONDS)
        return shown(values, lambda result: result.memberships)

    async def _load_tier_changes(
        self, keys: list[tuple[MembershipKey, int]]
    ) -> Sequence[Sequence[events_pb2.TierChange] | Exception | None]:
        return await for_each_argument(
            [(key.member_id, (key.tier_set, first)) for key, first in keys], self._load_first_tier_changes
        )

    async def _load_first_tier_changes(
        self, ids: list[str], asked: tuple[str, int]
    ) -> Sequence[Sequence[events_pb2.TierChange] | Exception | None]:
        tier_set, first = asked
        arguments = pb.ReadArguments(tier_set=tier_set, first=first)
        values = await self._shared.read("tier_changes", ids, arguments, seconds=READ_SECONDS)
        return shown(values, lambda result: result.changes)

    async def _load_accounts(self, ids: list[str]) -> Sequence[pb.PointsAccount | Exception | None]:
        values = await self._shared.read("accounts", ids, seconds=READ_SECONDS)
        return shown(values, lambda result: result.account)

    async def _load_entries(
        self, keys: list[tuple[str, tuple[str, int]]]
    ) -> Sequence[Sequence[pb.Entry] | Exception | None]:
        """By member; of which type of points, and how many."""
        return await for_each_argument(keys, self._load_first_entries)

    async def _load_first_entries(
        self, ids: list[str], asked: tuple[str, int]
    ) -> Sequence[Sequence[pb.Entry] | Exception | None]:
        point_type, first = asked
        arguments = pb.ReadArguments(first=first, point_type=point_type)
        values = await self._shared.read("entries", ids, arguments, seconds=READ_SECONDS)
        return shown(values, lambda result: result.entries)

    async def _load_entitlements(
        self, ids: list[str]
    ) -> Sequence[Sequence[pb.Entitlement] | Exception | None]:
        values = await self._shared.read("entitlements", ids, seconds=READ_SECONDS)
        return shown(values, lambda result: result.entitlements)


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
