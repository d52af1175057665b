"""The risk service behind a real channel, on a real mongod and Valkey, and what it reads."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.common.v1 import home_pb2
from laurel.members.v1 import events_pb2
from laurel.risk.v1 import reports_pb2, risk_pb2_grpc
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Database
from libs.common.redis import StreamMessage, partition_of
from libs.common.rpc.client import channel
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import timestamp
from libs.common.service import Platform
from services.risk.consumers import BenefitsEvents, MemberEvents
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.handlers.reports import ReportHandlers
from services.risk.jobs import EXPIRY, ReportExpiry
from services.risk.repository.indexes import ensure_indexes
from services.risk.repository.store import RiskStore
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
    partner_id: str = "",
) -> StreamMessage:
    """The announcement that a member joined."""
    message = events_pb2.MemberRegistered(
        program_id=program_id,
        member_id=member_id,
        registered_time=timestamp(NOON),
        verification=verification,
        home=home_pb2.Home(partner_id=partner_id),
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


def a_report_of(
    member_id: str,
    *,
    reason: reports_pb2.ReportReason.ValueType = reports_pb2.REPORT_REASON_FRAUD,
    note: str = "",
    request_id: str | None = None,
    program_id: str = PROGRAM,
) -> pb.ReportMemberRequest:
    """A report to make, under a request id of its own."""
    return pb.ReportMemberRequest(
        program_id=program_id,
        request_id=request_id or new_id("req"),
        member_id=member_id,
        reason=reason,
        note=note,
    )


def a_decision_on(
    report_id: str,
    decision: reports_pb2.ReportDecision.ValueType = reports_pb2.REPORT_DECISION_DISMISS,
    *,
    explanation: str = "nothing of it is in the messages",
    request_id: str | None = None,
    program_id: str = PROGRAM,
) -> pb.DecideReportRequest:
    """A decision to take, under a request id of its own."""
    return pb.DecideReportRequest(
        program_id=program_id,
        request_id=request_id or new_id("req"),
        report_id=report_id,
        decision=decision,
        explanation=explanation,
    )


async def outcome(call: Awaitable[Any]) -> str:
    """OK, or the reason why not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return "OK"


@dataclass
class Clock:
    """A clock that stands until a test moves it."""

    moment: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class RiskWorld:
    """A running service, and callers of it."""

    address: str
    keys: Keys
    platform: Platform
    clock: Clock
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.platform.database

    def caller(
        self,
        kind: PrincipalKind,
        subject: str,
        program_id: str | None = PROGRAM,
        *,
        roles: Sequence[str] | None = None,
        stores: Sequence[str] = (),
    ) -> "RiskServiceAsyncStub":
        """A stub that calls as this principal; the world keeps its channel open."""
        token = self.keys.token(kind, subject, program_id, roles=roles, stores=stores)
        self._channels.append(channel(self.address, SERVICE, token=token, timeout=10))
        return risk_pb2_grpc.RiskServiceStub(self._channels[-1])

    @cached_property
    def staff(self) -> "RiskServiceAsyncStub":
        """Staff of the program."""
        return self.caller("staff", "ann")

    def consumer(self) -> MemberEvents:
        """What applies announcements in one replica."""
        return MemberEvents(
            ProfileHandlers(RiskStore(self.database), self.clock), partial(keep_homes, self.database)
        )

    async def hear(self, *messages: StreamMessage) -> None:
        """Have announcements of benefits applied in one read, in a replica of its own."""
        await BenefitsEvents(LimitHandlers(self.database, self.clock)).apply(0, list(messages))

    def reports(self) -> ReportHandlers:
        """What handles reports in one replica."""
        return ReportHandlers(RiskStore(self.database), now=self.clock, new_id=new_id)

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

    async def report(self, member_id: str, reporter: str = "", **fields: Any) -> reports_pb2.Report:
        """A report that this member, or somebody new, has made of a member."""
        stub = self.caller("member", reporter or new_id("mem"))
        return (await stub.ReportMember(a_report_of(member_id, **fields))).report

    async def decide(
        self, report: reports_pb2.Report, decision: reports_pb2.ReportDecision.ValueType
    ) -> pb.DecideReportResponse:
        """What the staff's decision on a report answered."""
        return await self.staff.DecideReport(a_decision_on(report.report_id, decision))

    async def expire(self) -> int:
        """End, in one replica, what is due by the clock; gives how many members were done."""
        leases = Leases(self.database, [EXPIRY], group="jobs", holder="test", now=self.clock)
        return await ReportExpiry(self.reports(), leases).run_once()

    async def profile(self, member_id: str) -> pb.RiskProfile:
        """The profile of a member that there is."""
        request = pb.BatchGetRiskProfilesRequest(program_id=PROGRAM, member_ids=[member_id])
        (result,) = (await self.staff.BatchGetRiskProfiles(request)).results
        return result.profile

    async def changes(self, member_id: str) -> list[pb.IntegrityChange]:
        """What changed of a member, oldest first."""
        request = pb.BatchListIntegrityChangesRequest(program_id=PROGRAM, member_ids=[member_id])
        (result,) = (await self.staff.BatchListIntegrityChanges(request)).results
        return list(reversed(result.changes))

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
    store, clock = RiskStore(platform.database), Clock()
    served = servicer(
        platform,
        ProfileHandlers(store, clock),
        ReportHandlers(store, now=clock, new_id=new_id),
        LimitHandlers(platform.database, clock),
    )
    async with serving(settings, risk_pb2_grpc.add_RiskServiceServicer_to_server, served) as address:
        yield RiskWorld(address, keys, platform, clock)
    await dropped(platform)
