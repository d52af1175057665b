"""What risk announces, as rows of the outbox."""

from datetime import datetime

from laurel.risk.v1 import risk_pb2 as pb
from libs.common.mongo import Document
from libs.common.outbox import outbox_row
from services.risk.domain.profiles import Profile
from services.risk.messages import profile_message

STREAM = "risk.events"
READERS = ("benefits",)


def profile_changed(profile: Profile, *, now: datetime) -> Document:
    """A member's integrity, level or restrictions have changed."""
    message = pb.RiskProfileChanged(
        program_id=profile.program_id,
        member_id=profile.member_id,
        seq=profile.seq,
        profile=profile_message(profile),
    )
    return outbox_row(message, member_id=profile.member_id, change_seq=profile.seq, now=now)
