"""What of risk is read in shared calls."""

from collections.abc import Sequence
from typing import Any

from laurel.risk.v1 import risk_pb2 as pb
from libs.common.rpc.shared.answering import Homes
from libs.common.rpc.shared.reads import SharedRead, SharedReads

SERVICE = pb.DESCRIPTOR.services_by_name["RiskService"]


def _profiles(program_id: str, ids: Sequence[str], _: Any) -> pb.BatchGetRiskProfilesRequest:
    return pb.BatchGetRiskProfilesRequest(program_id=program_id, member_ids=ids)


READS = (SharedRead("profiles", "BatchGetRiskProfiles", _profiles),)


def shared_reads(homes: Homes) -> SharedReads:
    """The reads of this service; `homes` tells where members belong."""
    return SharedReads(SERVICE, *READS, homes=homes)
