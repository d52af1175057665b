"""Between the proto messages of risk and its domain."""

from types import MappingProxyType

from laurel.members.v1 import events_pb2 as members_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.rpc.time import timestamp
from services.risk.domain.integrity import Level, Verification
from services.risk.domain.profiles import Profile

LEVELS: MappingProxyType[Level, pb.RiskLevel.ValueType] = MappingProxyType(
    {"low": pb.RISK_LEVEL_LOW, "medium": pb.RISK_LEVEL_MEDIUM, "high": pb.RISK_LEVEL_HIGH}
)
VERIFICATIONS: MappingProxyType[Verification, members_pb2.Verification.ValueType] = MappingProxyType(
    {
        "unverified": members_pb2.VERIFICATION_UNVERIFIED,
        "verified": members_pb2.VERIFICATION_VERIFIED,
        "suspect": members_pb2.VERIFICATION_SUSPECT,
    }
)
VERIFICATION_NAMES = MappingProxyType({number: name for name, number in VERIFICATIONS.items()})


def profile_message(profile: Profile) -> pb.RiskProfile:
    """A profile with the parts of its score."""
    return pb.RiskProfile(
        member_id=profile.member_id,
        integrity=profile.integrity.score,
        level=LEVELS[profile.integrity.level],
        verification=VERIFICATIONS[profile.verification],
        reporters_count=profile.reporters,
        parts=[pb.IntegrityPart(code=part.code, points=part.points) for part in profile.integrity.parts],
        changed_time=timestamp(profile.changed_time),
    )
