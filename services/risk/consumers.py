"""What risk learns from others: who the members are, from members; who passed limits, from benefits."""

from laurel.benefits.v1 import events_pb2 as benefits_pb2
from laurel.members.v1 import events_pb2
from libs.common.homes import Belongs, KeepHomes
from libs.common.redis import StreamMessage
from libs.common.rpc.time import moment
from libs.common.visibility import home_of
from services.risk.domain.limits import LimitRefusal
from services.risk.domain.profiles import Announced
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.messages import VERIFICATION_NAMES

STREAM, BENEFITS_STREAM = "members.events", "benefits.events"


class MemberEvents:
    """Hands on what one partition brings of identities."""

    def __init__(self, profiles: ProfileHandlers, keep_homes: KeepHomes) -> None:
        self._profiles, self._keep_homes = profiles, keep_homes

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition."""
        await self._keep_homes([home for home in map(_home, messages) if home is not None])
        announcements = [each for each in map(_announced, messages) if each is not None]
        if announcements:
            await self._profiles.assess(announcements)


class BenefitsEvents:
    """Hands on what one partition brings of limits."""

    def __init__(self, limits: LimitHandlers) -> None:
        self._limits = limits

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Apply the announcements of one partition."""
        if refusals := [each for each in map(_refusal, messages) if each is not None]:
            await self._limits.keep(refusals)


def _refusal(message: StreamMessage) -> LimitRefusal | None:
    if message.type != benefits_pb2.LimitRefused.DESCRIPTOR.name:
        return None
    told = benefits_pb2.LimitRefused.FromString(message.payload)
    return LimitRefusal(
        told.program_id, told.member_id, told.limit, told.business_date, moment(told.refused_time)
    )


def _home(message: StreamMessage) -> Belongs | None:
    if message.type != events_pb2.MemberRegistered.DESCRIPTOR.name:
        return None
    registered = events_pb2.MemberRegistered.FromString(message.payload)
    return registered.program_id, registered.member_id, home_of(registered.home)


def _announced(message: StreamMessage) -> Announced | None:
    if message.type == events_pb2.MemberRegistered.DESCRIPTOR.name:
        registered = events_pb2.MemberRegistered.FromString(message.payload)
        verification = VERIFICATION_NAMES[registered.verification]
        return Announced(registered.program_id, registered.member_id, verification, 0)
    if message.type == events_pb2.FactsChanged.DESCRIPTOR.name:
        changed = events_pb2.FactsChanged.FromString(message.payload)
        verification = VERIFICATION_NAMES[changed.verification]
        return Announced(changed.program_id, changed.member_id, verification, changed.seq_to)
    return None
