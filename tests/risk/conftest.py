"""The risk service behind a real channel, on a real mongod and Valkey, and what it reads."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import grpc
import pytest

from laurel.members.v1 import events_pb2
from laurel.risk.v1 import risk_pb2 as pb
from laurel.risk.v1 import risk_pb2_grpc
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import Database
from libs.common.redis import StreamMessage, partition_of
from libs.common.rpc.client import channel
from libs.common.rpc.time import timestamp
from libs.common.service import Platform
from services.risk.consumers import MemberEvents
from services.risk.handlers import ProfileHandlers
from services.risk.repository import RiskStore, ensure_indexes
from services.risk.server import servicer
from services.risk.settings import Settings
from tests.support.builders import NOON, PROGRAM
from tests.support.services import Keys, dropped, serving

if TYPE_CHECKING:
    from laurel.risk.v1.risk_pb2_grpc import RiskServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["RiskService"]
UNVERIFIED, VERIFIED, SUSPECT = (
    events_pb2.VERIFICATION_UNVERIFIED,
    events_pb2.VERIFICATION_VERIFIED,
    events_pb2.VERIFICATION_SUSPECT,
)


def registered(
    member_id: str,
    verification: events_pb2.Verification.ValueType = UNVERIFIED,
    program_id: str = PROGRAM,
) -> StreamMessage:
    """The announcement that a member joined."""
    message = events_pb2.MemberRegistered(
        program_id=program_id,
        member_id=member_id,
        registered_time=timestamp(NOON),
        verification=verification,
    )
    return StreamMessage("0-1", "MemberRegistered", message.SerializeToString(), member_id)


def changed(
    member_id: str,
    seq: int,
    verification: events_pb2.Verification.ValueType = UNVERIFIED,
    program_id: str = PROGRAM,
) -> StreamMessage:
    """The announcement of an event of this sequence, with the identity as known then."""
    message = events_pb2.FactsChanged(
        program_id=program_id,
        member_id=member_id,
        seq_from=seq,
        seq_to=seq,
        events=[events_pb2.RecordedEvent(event_id=f"evt_{seq}", seq=seq, kind=events_pb2.EVENT_KIND_LOGIN)],
        registered_time=timestamp(NOON),
        verification=verification,
    )
    return StreamMessage("0-1", "FactsChanged", message.SerializeToString(), member_id)


@dataclass
class RiskWorld:
    """A running service, and callers of it."""

    address: str
    keys: Keys
    platform: Platform
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.platform.database

    def caller(
        self, kind: PrincipalKind, subject: str, program_id: str | None = PROGRAM
    ) -> "RiskServiceAsyncStub":
        """A stub that calls as this principal; the world keeps its channel open."""
        token = self.keys.token(kind, subject, program_id)
        self._channels.append(channel(self.address, SERVICE, token=token, timeout=10))
        return risk_pb2_grpc.RiskServiceStub(self._channels[-1])

    @cached_property
    def staff(self) -> "RiskServiceAsyncStub":
        """Staff of the program."""
        return self.caller("staff", "ann")

    def consumer(self) -> MemberEvents:
        """What applies announcements in one replica."""
        return MemberEvents(ProfileHandlers(RiskStore(self.database), now))

    async def apply(self, *messages: StreamMessage) -> None:
        """Have announcements applied in one read."""
        await self.consumer().apply(0, list(messages))

    async def a_member(
        self, verification: events_pb2.Verification.ValueType = UNVERIFIED, program_id: str = PROGRAM
    ) -> str:
        """The id of a member whose registration was applied."""
        member_id = new_id("mem")
        await self.apply(registered(member_id, verification, program_id))
        return member_id

    async def profile(self, member_id: str) -> pb.RiskProfile:
        """The profile of a member that there is."""
        request = pb.BatchGetRiskProfilesRequest(program_id=PROGRAM, member_ids=[member_id])
        (result,) = (await self.staff.BatchGetRiskProfiles(request)).results
        return result.profile

    async def announced(self, member_id: str) -> list[pb.RiskProfileChanged]:
        """What the outbox holds of a member, in order."""
        rows = await self.database.outbox.find({"subject": member_id}).sort("_id", 1).to_list(None)
        assert {row["partition"] for row in rows} <= {partition_of(member_id)}
        return [pb.RiskProfileChanged.FromString(row["payload"]) for row in rows]


@pytest.fixture(scope="module")
async def risk(
    mongodb_uri: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RiskWorld]:
    """A risk service with a database and streams of its own."""
    keys = Keys.made_in(tmp_path_factory.mktemp("keys"))
    settings = Settings(**keys.settings(mongodb_uri, f"{redis_url.rpartition('/')[0]}/4"))
    platform = Platform.of("risk", settings)
    await ensure_indexes(platform.database)
    await platform.redis.flushdb()
    served = servicer(platform, ProfileHandlers(RiskStore(platform.database), now))
    async with serving(settings, risk_pb2_grpc.add_RiskServiceServicer_to_server, served) as address:
        yield RiskWorld(address, keys, platform)
    await dropped(platform)
