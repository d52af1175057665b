"""Loads from benefits: programs, tiers with their decisions, points, entitlements and notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strawberry.dataloader import DataLoader

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import events_pb2, notices_pb2
from services.gateway.clients import READ_SECONDS
from services.gateway.loading import KEYS_MAX, for_each_argument, found

if TYPE_CHECKING:
    from laurel.benefits.v1.benefits_pb2_grpc import BenefitsServiceAsyncStub
    from laurel.benefits.v1.notices_pb2_grpc import NoticesServiceAsyncStub


@dataclass(frozen=True, slots=True)
class MembershipKey:
    """A member in a tier set."""

    member_id: str
    tier_set: str


class BenefitsLoaders:
    """What one request reads from benefits."""

    def __init__(self, benefits: "BenefitsServiceAsyncStub", program_id: str) -> None:
        self._benefits, self._program_id = benefits, program_id
        self.program = DataLoader(self._load_programs, max_batch_size=KEYS_MAX)
        self.memberships = DataLoader(self._load_memberships, max_batch_size=KEYS_MAX)
        self.tier_changes = DataLoader(self._load_tier_changes, max_batch_size=KEYS_MAX)
        self.account = DataLoader(self._load_accounts, max_batch_size=KEYS_MAX)
        self.entries = DataLoader(self._load_entries, max_batch_size=KEYS_MAX)
        self.entitlements = DataLoader(self._load_entitlements, max_batch_size=KEYS_MAX)

    async def _load_programs(self, keys: list[str]) -> Sequence[pb.Program | Exception | None]:
        request = pb.BatchGetProgramsRequest(program_ids=keys)
        response = await self._benefits.BatchGetPrograms(request, timeout=READ_SECONDS)
        return [found(result.status, result.program) for result in response.results]

    async def _load_memberships(self, ids: list[str]) -> Sequence[Sequence[pb.Membership] | Exception | None]:
        request = pb.BatchGetMembershipsRequest(program_id=self._program_id, member_ids=ids)
        response = await self._benefits.BatchGetMemberships(request, timeout=READ_SECONDS)
        return [found(result.status, result.memberships) for result in response.results]

    async def _load_tier_changes(
        self, keys: list[tuple[MembershipKey, int]]
    ) -> Sequence[Sequence[events_pb2.TierChange] | Exception | None]:
        return await for_each_argument(keys, self._load_first_tier_changes)

    async def _load_first_tier_changes(
        self, keys: list[MembershipKey], first: int
    ) -> Sequence[Sequence[events_pb2.TierChange] | Exception | None]:
        wanted = [pb.MembershipKey(member_id=key.member_id, tier_set=key.tier_set) for key in keys]
        request = pb.BatchListTierChangesRequest(program_id=self._program_id, keys=wanted, first=first)
        response = await self._benefits.BatchListTierChanges(request, timeout=READ_SECONDS)
        return [found(result.status, result.changes) for result in response.results]

    async def _load_accounts(self, ids: list[str]) -> Sequence[pb.PointsAccount | Exception | None]:
        request = pb.BatchGetPointsAccountsRequest(program_id=self._program_id, member_ids=ids)
        response = await self._benefits.BatchGetPointsAccounts(request, timeout=READ_SECONDS)
        return [found(result.status, result.account) for result in response.results]

    async def _load_entries(
        self, keys: list[tuple[str, tuple[str, int]]]
    ) -> Sequence[Sequence[pb.Entry] | Exception | None]:
        """By member; of which type of points, and how many."""
        return await for_each_argument(keys, self._load_first_entries)

    async def _load_first_entries(
        self, ids: list[str], asked: tuple[str, int]
    ) -> Sequence[Sequence[pb.Entry] | Exception | None]:
        point_type, first = asked
        request = pb.BatchListEntriesRequest(
            program_id=self._program_id, member_ids=ids, first=first, point_type=point_type
        )
        response = await self._benefits.BatchListEntries(request, timeout=READ_SECONDS)
        return [found(result.status, result.entries) for result in response.results]

    async def _load_entitlements(
        self, ids: list[str]
    ) -> Sequence[Sequence[pb.Entitlement] | Exception | None]:
        request = pb.BatchListEntitlementsRequest(program_id=self._program_id, member_ids=ids)
        response = await self._benefits.BatchListEntitlements(request, timeout=READ_SECONDS)
        return [found(result.status, result.entitlements) for result in response.results]


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
