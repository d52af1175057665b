"""What of benefits is read in shared calls, and by which arguments."""

from collections.abc import Sequence

from laurel.benefits.v1 import benefits_pb2 as pb
from libs.common.rpc.shared.answering import Homes
from libs.common.rpc.shared.reads import SharedRead, SharedReads

SERVICE = pb.DESCRIPTOR.services_by_name["BenefitsService"]
Keys = Sequence[str]
Arguments = pb.ReadArguments


def _programs(_: str, ids: Keys, __: Arguments) -> pb.BatchGetProgramsRequest:
    return pb.BatchGetProgramsRequest(program_ids=ids)


def _memberships(program_id: str, ids: Keys, _: Arguments) -> pb.BatchGetMembershipsRequest:
    return pb.BatchGetMembershipsRequest(program_id=program_id, member_ids=ids)


def _accounts(program_id: str, ids: Keys, _: Arguments) -> pb.BatchGetPointsAccountsRequest:
    return pb.BatchGetPointsAccountsRequest(program_id=program_id, member_ids=ids)


def _entitlements(program_id: str, ids: Keys, _: Arguments) -> pb.BatchListEntitlementsRequest:
    return pb.BatchListEntitlementsRequest(program_id=program_id, member_ids=ids)


def _entries(program_id: str, ids: Keys, arguments: Arguments) -> pb.BatchListEntriesRequest:
    return pb.BatchListEntriesRequest(
        program_id=program_id, member_ids=ids, first=arguments.first, point_type=arguments.point_type
    )


def _tier_changes(program_id: str, ids: Keys, arguments: Arguments) -> pb.BatchListTierChangesRequest:
    keys = [pb.MembershipKey(member_id=each, tier_set=arguments.tier_set) for each in ids]
    return pb.BatchListTierChangesRequest(program_id=program_id, keys=keys, first=arguments.first)


READS = (
    SharedRead("programs", "BatchGetPrograms", _programs, of_members=False),
    SharedRead("memberships", "BatchGetMemberships", _memberships),
    SharedRead("accounts", "BatchGetPointsAccounts", _accounts),
    SharedRead("entitlements", "BatchListEntitlements", _entitlements),
    SharedRead("entries", "BatchListEntries", _entries),
    SharedRead("tier_changes", "BatchListTierChanges", _tier_changes),
)


def shared_reads(homes: Homes) -> SharedReads:
    """The reads of this service; `homes` tells where members belong."""
    return SharedReads(SERVICE, *READS, homes=homes)
