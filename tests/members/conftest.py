"""The members service behind a real channel, on a real mongod, with programs from a fake benefits."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from laurel.members.v1 import access_pb2, access_pb2_grpc, members_pb2_grpc
from laurel.members.v1 import members_pb2 as pb
from libs.common.audit.trail import Auditor
from libs.common.calendar import Times
from libs.common.caller import PrincipalKind
from libs.common.clock import ProgramClock, now
from libs.common.ids import new_id
from libs.common.mongo import Database
from libs.common.rpc.client import channel
from libs.common.service import Platform
from libs.common.together import WriterQueue
from services.members.domain.members import ProgramCalendar
from services.members.handlers.activity import Dormancy
from services.members.handlers.programs import ProgramHandlers
from services.members.repository.indexes import ensure_indexes
from services.members.repository.store import MembersStore
from services.members.server import access_servicer, servicer
from services.members.settings import Settings
from tests.support.builders import PROGRAM, a_registration_request
from tests.support.services import Keys, dropped, serving

if TYPE_CHECKING:
    from laurel.members.v1.access_pb2_grpc import AccessServiceAsyncStub
    from laurel.members.v1.members_pb2_grpc import MembersServiceAsyncStub

ACCESS = access_pb2.DESCRIPTOR.services_by_name["AccessService"]
SERVICE = pb.DESCRIPTOR.services_by_name["MembersService"]
REPLAYED_FROM = datetime(1998, 7, 1, tzinfo=UTC)


class FakePrograms:
    """Benefits, as far as members asks it: two programs, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.dormancy_days = 30

    async def calendars(self, program_ids: Sequence[str]) -> dict[str, ProgramCalendar]:
        self.asked += 1
        return {
            each: self._calendar(each) for each in program_ids if each in {PROGRAM, "other_store", "live"}
        }

    def _calendar(self, program_id: str) -> ProgramCalendar:
        clock = ProgramClock(replay_from=None if program_id == "live" else REPLAYED_FROM)
        dormancy = timedelta(days=self.dormancy_days)
        return ProgramCalendar(program_id, "USD", "America/New_York", clock, dormancy)


@dataclass
class ShiftedClock:
    """The machine's clock as reveals see it, which tests move."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead


@dataclass
class MembersWorld:
    """A running service, and callers of it."""

    address: str
    keys: Keys
    database: Database
    programs: FakePrograms
    dormancy: Dormancy
    times: Times
    clock: ShiftedClock
    channels: list[grpc.aio.Channel] = field(default_factory=list)

    def caller(
        self, kind: PrincipalKind, subject: str, program_id: str | None = PROGRAM, **claims: Any
    ) -> "MembersServiceAsyncStub":
        """A stub that calls as this principal; its channel is held, or grpc.aio would close it."""
        token = self.keys.token(kind, subject, program_id, **claims)
        self.channels.append(channel(self.address, SERVICE, token=token, timeout=10))
        return members_pb2_grpc.MembersServiceStub(self.channels[-1])

    def access(
        self, kind: PrincipalKind, subject: str, program_id: str | None = PROGRAM, **claims: Any
    ) -> "AccessServiceAsyncStub":
        """A stub of AccessService that calls as this principal."""
        token = self.keys.token(kind, subject, program_id, **claims)
        self.channels.append(channel(self.address, ACCESS, token=token, timeout=10))
        return access_pb2_grpc.AccessServiceStub(self.channels[-1])

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        """Within, it is later for reveals."""
        self.clock.ahead = by
        try:
            yield
        finally:
            self.clock.ahead = timedelta()

    @cached_property
    def partner(self) -> "MembersServiceAsyncStub":
        """A partner that was admitted."""
        return self.caller("partner", "shop")

    @cached_property
    def staff(self) -> "MembersServiceAsyncStub":
        """Staff of the program."""
        return self.caller("staff", "ann")

    async def a_member(self, external_id: str | None = None) -> str:
        """A newly registered member's id."""
        answer = await self.partner.RegisterMembers(a_registration_request(external_id or new_id("ext")))
        return answer.results[0].member.member_id


@pytest.fixture(scope="module")
async def members(
    mongodb_uri: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MembersWorld]:
    """A members service with a store and two partners."""
    keys = Keys.made_in(tmp_path_factory.mktemp("keys"))
    settings = Settings(benefits_address="unused", **keys.settings(mongodb_uri, redis_url))
    platform = Platform.of("members", settings)
    await ensure_indexes(platform.database)
    programs, queue = FakePrograms(), WriterQueue(64)
    store = MembersStore(platform.database)
    handlers = ProgramHandlers(store, programs, now)
    auditor, served = Auditor(platform.database, now), servicer(platform, settings, handlers, queue)
    clock = ShiftedClock()
    reveals = access_servicer(platform, settings, handlers, clock)

    def register(servicer: Any, server: Any) -> None:
        members_pb2_grpc.add_MembersServiceServicer_to_server(servicer, server)
        access_pb2_grpc.add_AccessServiceServicer_to_server(reveals, server)

    async with serving(settings, register, served, auditor=auditor) as address:
        dormancy = Dormancy(store, handlers, queue, now)
        world = MembersWorld(address, keys, platform.database, programs, dormancy, handlers.times, clock)
        await world.staff.CreateStore(
            pb.CreateStoreRequest(
                program_id=PROGRAM, request_id="s1", store_id="online", display_name="Online"
            )
        )
        for partner in ("shop", "rival"):
            await world.staff.CreatePartner(
                pb.CreatePartnerRequest(
                    program_id=PROGRAM,
                    request_id=f"p-{partner}",
                    partner_id=partner,
                    display_name=partner.title(),
                    store_ids=["online"],
                )
            )
        yield world
    await dropped(platform)
