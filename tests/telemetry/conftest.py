"""Members, scoring, benefits and risk in one process, on a real mongod and Valkey, as they run together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from laurel.benefits.v1 import benefits_pb2, benefits_pb2_grpc
from laurel.members.v1 import access_pb2_grpc, members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from libs.cli.ports import Ports
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.program import preset
from libs.common.rpc.client import channel
from libs.common.service import Platform
from libs.common.together import WriterQueue
from services.benefits import consumers as benefits_consumers
from services.benefits import outbox as benefits_outbox
from services.benefits.clients import MembersClient, RiskClient, ScoringClient
from services.benefits.handlers.activity import ActivityHandlers
from services.benefits.handlers.birthdays import BirthdayHandlers
from services.benefits.handlers.break_glasses import BreakGlassHandlers
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.held_upgrades import HeldUpgrades
from services.benefits.handlers.programs import ProgramHandlers as BenefitsPrograms
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.indexes import ensure_indexes as benefits_indexes
from services.benefits.repository.store import BenefitsStore
from services.benefits.server import servicer as benefits_servicer
from services.benefits.settings import Settings as BenefitsSettings
from services.members import consumers as members_consumers
from services.members import outbox as members_outbox
from services.members.clients import ProgramsClient
from services.members.handlers.programs import ProgramHandlers as MemberPrograms
from services.members.repository.indexes import ensure_indexes as members_indexes
from services.members.repository.store import MembersStore
from services.members.server import access_servicer
from services.members.server import servicer as members_servicer
from services.members.settings import Settings as MembersSettings
from services.risk import consumers as risk_consumers
from services.risk import outbox as risk_outbox
from services.risk.handlers.limits import LimitHandlers
from services.risk.handlers.profiles import ProfileHandlers
from services.risk.handlers.reports import ReportHandlers
from services.risk.repository.indexes import ensure_indexes as risk_indexes
from services.risk.repository.store import RiskStore
from services.risk.server import servicer as risk_servicer
from services.risk.settings import Settings as RiskSettings
from services.scoring.server import make_server
from services.scoring.settings import Settings as ScoringSettings
from tests.support.builders import PROGRAM
from tests.support.services import NO_DATABASE, Keys, dropped, serving

SECONDS = 20.0
STUBS: dict[str, tuple[Any, Any]] = {
    "members": (
        members_pb2.DESCRIPTOR.services_by_name["MembersService"],
        members_pb2_grpc.MembersServiceStub,
    ),
    "benefits": (
        benefits_pb2.DESCRIPTOR.services_by_name["BenefitsService"],
        benefits_pb2_grpc.BenefitsServiceStub,
    ),
    "risk": (risk_pb2.DESCRIPTOR.services_by_name["RiskService"], risk_pb2_grpc.RiskServiceStub),
}


@dataclass
class Whole:
    """The platform, and callers of it."""

    keys: Keys
    ports: Ports
    common: dict[str, Any]
    closing: AsyncExitStack
    addresses: dict[str, str] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)

    def stub(self, name: str, token: Callable[[], str]) -> Any:
        """A stub of a service that calls with this token; its channel is held, or grpc.aio would close it."""
        service, stub = STUBS[name]
        opened = channel(self.addresses[name], service, token=token)
        self.closing.push_async_callback(opened.close)
        return stub(opened)

    def caller(self, name: str, kind: PrincipalKind, subject: str = "test") -> Any:
        """A stub of a service that calls as this principal."""
        return self.stub(name, self.keys.token(kind, subject, None if kind == "service" else PROGRAM))

    async def drained(self) -> None:
        """Wait until everything that was announced has been applied everywhere."""
        stubs = [self.caller(name, "service") for name in STUBS]
        requests = (
            members_pb2.GetPipelineStatusRequest(),
            benefits_pb2.GetPipelineStatusRequest(),
            risk_pb2.GetPipelineStatusRequest(),
        )

        async def idle() -> bool:
            asked = zip(stubs, requests, strict=True)
            states = [(await stub.GetPipelineStatus(request)).status for stub, request in asked]
            return all(
                state.outbox_unsent == 0 and all(group.lag == group.pending == 0 for group in state.groups)
                for state in states
            )

        # Each service announces what it applies, so all must be idle twice in a row.
        await until(idle)
        await until(idle)

    # How each service is put together, as its server.py does.

    def _platform(self, name: str, settings: Any) -> Platform:
        self.platforms[name] = Platform.of(name, settings)
        self.closing.push_async_callback(dropped, self.platforms[name])
        return self.platforms[name]

    async def _serve(self, name: str, settings: Any, register: Any, servicer: object) -> None:
        tasks = self.platforms[name].work()
        served = serving(settings, register, servicer, tasks)
        self.addresses[name] = await self.closing.enter_async_context(served)

    async def serve_scoring(self) -> None:
        port = self.ports.any()
        server = make_server(
            ScoringSettings(
                development=True,
                port=port,
                metrics_port=0,
                key_set_file=self.keys.key_set_file,
                audit_key_file=self.keys.audit_key_file,
                mongodb_uri=NO_DATABASE,
                drain_seconds=0,
            )
        )
        await server.start()
        self.addresses["scoring"] = f"127.0.0.1:{port}"
        self.closing.push_async_callback(server.drain)

    async def serve_benefits(self, members_address: str) -> None:
        settings = BenefitsSettings(
            members_address=members_address,
            scoring_address=self.addresses["scoring"],
            # Its programs ask nothing of risk.
            risk_address="127.0.0.1:1",
            webhook_key_file=self.keys.webhook_key_file,
            **self.common,
        )
        platform = self._platform("benefits", settings)
        await benefits_indexes(platform.database)
        store, token = BenefitsStore(platform.database), self.keys.token("service", "benefits", None)
        programs = BenefitsPrograms(store, now)
        scoring = ScoringClient(settings.scoring_address, token=token)
        members = MembersClient(members_address, token=token)
        self.closing.push_async_callback(scoring.close)
        self.closing.push_async_callback(members.close)
        times = ProgramTimes(store, programs, Clocks(members.clocks), now)
        risk = RiskClient(settings.risk_address, token=token)
        self.closing.push_async_callback(risk.close)
        deciding = Deciding(scoring, Surroundings(store, risk))
        reviews = TierReviews(store, deciding, members, times, now=now, new_id=new_id)
        decisions = DecisionHandlers(
            store, programs, deciding, members, times, reviews, now=now, new_id=new_id
        )
        activities = ActivityHandlers(store, programs, times, now=now, new_id=new_id)
        birthdays = BirthdayHandlers(store, programs, times)
        events = benefits_consumers.MemberEvents(
            decisions,
            activities,
            birthdays,
            BreakGlassHandlers(store, programs, times, now, new_id),
            partial(keep_homes, platform.database),
        )
        platform.relay(benefits_outbox.STREAM, benefits_outbox.READERS)
        platform.consume(benefits_consumers.STREAM, events.apply)
        held = HeldUpgrades(store, programs, times, members, deciding, reviews, now=now, new_id=new_id)
        platform.consume(benefits_consumers.RISK_STREAM, benefits_consumers.RiskEvents(held).apply)
        register = benefits_pb2_grpc.add_BenefitsServiceServicer_to_server
        await self._serve("benefits", settings, register, benefits_servicer(platform, programs, times))

    async def serve_members(self, port: int) -> None:
        settings = MembersSettings(
            benefits_address=self.addresses["benefits"], **self.common | {"port": port}
        )
        platform = self._platform("members", settings)
        await members_indexes(platform.database)
        benefits = ProgramsClient(
            settings.benefits_address, token=self.keys.token("service", "members", None)
        )
        self.closing.push_async_callback(benefits.close)
        store = MembersStore(platform.database)
        programs, queue = MemberPrograms(store, benefits, now), WriterQueue(settings.intake_waiting_max)
        tiers = members_consumers.BenefitsProjection(store)
        platform.relay(members_outbox.STREAM, members_outbox.READERS)
        platform.consume(members_consumers.STREAM, tiers.apply)
        reveals = access_servicer(platform, settings, programs, now)

        def register(servicer: Any, server: Any) -> None:
            members_pb2_grpc.add_MembersServiceServicer_to_server(servicer, server)
            access_pb2_grpc.add_AccessServiceServicer_to_server(reveals, server)

        served = members_servicer(platform, settings, programs, queue)
        await self._serve("members", settings, register, served)

    async def serve_risk(self) -> None:
        settings = RiskSettings(**self.common)
        platform = self._platform("risk", settings)
        await risk_indexes(platform.database)
        store = RiskStore(platform.database)
        profiles, reports = ProfileHandlers(store, now), ReportHandlers(store, now=now, new_id=new_id)
        events = risk_consumers.MemberEvents(profiles, partial(keep_homes, platform.database))
        platform.relay(risk_outbox.STREAM, risk_outbox.READERS)
        platform.consume(risk_consumers.STREAM, events.apply)
        limits = LimitHandlers(platform.database, now)
        platform.consume(risk_consumers.BENEFITS_STREAM, risk_consumers.BenefitsEvents(limits).apply)
        register = risk_pb2_grpc.add_RiskServiceServicer_to_server
        await self._serve("risk", settings, register, risk_servicer(platform, profiles, reports, limits))

    async def admit(self, partner_id: str = "shop", **names: str) -> None:
        """Publish the program and admit a partner with a store."""
        await self.caller("benefits", "staff").PublishProgram(
            benefits_pb2.PublishProgramRequest(
                program_id=PROGRAM, request_id=new_id("req"), document=preset(PROGRAM).canonical()
            )
        )
        staff = self.caller("members", "staff")
        store_id = f"{partner_id}-store"
        await staff.CreateStore(
            members_pb2.CreateStoreRequest(
                program_id=PROGRAM,
                request_id=new_id("req"),
                store_id=store_id,
                display_name=names.get("store", "Online"),
            )
        )
        await staff.CreatePartner(
            members_pb2.CreatePartnerRequest(
                program_id=PROGRAM,
                request_id=new_id("req"),
                partner_id=partner_id,
                display_name=names.get("partner", "Shop"),
                store_ids=[store_id],
            )
        )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(SECONDS):
        while not await holds():
            await asyncio.sleep(0.02)


@pytest.fixture
async def whole(
    mongodb_uri: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Whole]:
    """A platform of its own for each test, on a number of the Valkey where nobody else is."""
    keys = Keys.made_in(tmp_path_factory.mktemp("keys"))
    common = keys.settings(mongodb_uri, f"{redis_url.rpartition('/')[0]}/7")
    with Ports() as ports:
        async with AsyncExitStack() as closing:
            platform = Whole(keys, ports, common, closing)
            port = ports.any()
            await platform.serve_scoring()
            await platform.serve_benefits(f"127.0.0.1:{port}")
            await platform.platforms["benefits"].redis.flushdb()
            await platform.serve_members(port)
            await platform.serve_risk()
            yield platform
