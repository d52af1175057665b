"""Overrides of tiers on the wire."""

from laurel.benefits.v1 import tiers_pb2 as pb
from libs.common.rpc.time import optional_timestamp, timestamp
from services.benefits.domain.overrides import TierOverride


def override_message(override: TierOverride) -> pb.TierOverride:
    """An override, as it is now."""
    return pb.TierOverride(
        override_id=override.override_id,
        member_id=override.member_id,
        tier_set=override.tier_set,
        tier=override.tier,
        until_time=optional_timestamp(override.until_time),
        reason=pb.TierOverrideReason.Value(f"TIER_OVERRIDE_REASON_{override.code}"),
        explanation=override.explanation,
        decision_id=override.decision_id,
        state=pb.TierOverrideState.Value(f"TIER_OVERRIDE_STATE_{override.state.upper()}"),
        asked_by=override.asked_by,
        asked_time=timestamp(override.asked_time),
        decided_by=override.decided_by,
        decided_time=optional_timestamp(override.decided_time),
        ended_by=override.ended_by,
        ended_time=optional_timestamp(override.ended_time),
        applied_decision_id=override.applied_decision_id,
    )


def code_of(reason: "pb.TierOverrideReason.ValueType") -> str:
    """The code of a reason, as receipts have it."""
    return pb.TierOverrideReason.Name(reason).removeprefix("TIER_OVERRIDE_REASON_")
