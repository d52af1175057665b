"""What of members is read in shared calls, and by which arguments."""

from collections.abc import Sequence

from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.shared.answering import Homes
from libs.common.rpc.shared.reads import SharedRead, SharedReads

SERVICE = pb.DESCRIPTOR.services_by_name["MembersService"]


def _members(program_id: str, ids: Sequence[str], _: pb.ReadArguments) -> pb.BatchGetMembersRequest:
    return pb.BatchGetMembersRequest(program_id=program_id, member_ids=ids)


def _facts(program_id: str, ids: Sequence[str], arguments: pb.ReadArguments) -> pb.BatchGetFactsRequest:
    as_of = arguments.as_of if arguments.HasField("as_of") else None
    keys = [pb.FactsKey(member_id=each, as_of=as_of) for each in ids]
    return pb.BatchGetFactsRequest(program_id=program_id, keys=keys, names=arguments.names)


READS = (
    SharedRead("members", "BatchGetMembers", _members),
    SharedRead("facts", "BatchGetFacts", _facts),
)


def shared_reads(homes: Homes) -> SharedReads:
    """The reads of this service; `homes` tells where members belong."""
    return SharedReads(SERVICE, *READS, homes=homes)
