"""The benefits service behind a real channel, on a real mongod, deciding with a real scoring service."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from laurel.benefits.v1 import benefits_pb2 as pb
from laurel.benefits.v1 import benefits_pb2_grpc, notices_pb2, notices_pb2_grpc
from laurel.members.v1 import members_pb2_grpc
from laurel.risk.v1 import risk_pb2_grpc
from libs.cli.data_folder import DataFolder
from libs.cli.ports import Ports
from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.mongo import Database
from libs.common.program import Program, preset
from libs.common.redis import StreamMessage
from libs.common.rpc.client import channel
from libs.common.rpc.server import RpcServer
from libs.common.sealing import Sealing
from libs.common.service import Platform
from services.benefits.clients import ExplanationClient, MembersClient, RiskClient, ScoringClient
from services.benefits.consumers import MemberEvents, RiskEvents
from services.benefits.handlers.activity import ActivityHandlers
from services.benefits.handlers.birthdays import BirthdayHandlers
from services.benefits.handlers.break_glasses import BreakGlassHandlers
from services.benefits.handlers.deciding import Deciding
from services.benefits.handlers.decisions import DecisionHandlers
from services.benefits.handlers.fairness import FairnessHandlers
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.held_upgrades import HeldUpgrades
from services.benefits.handlers.overrides import OverrideHandlers
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.reviews import TierReviews
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.handlers.thresholds import ThresholdHandlers
from services.benefits.handlers.tier_previews import TierPreviews
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.indexes import ensure_indexes
from services.benefits.repository.store import BenefitsStore
from services.benefits.server import explaining_handlers, servicers
from services.benefits.settings import Settings
from services.benefits.walks import WalkClient
from services.scoring.server import make_server
from services.scoring.settings import Settings as ScoringSettings
from tests.benefits.fake_risk import FakeRisk
from tests.benefits.proof_world import ProofWorld
from tests.benefits.stories import FakeMembers, Story
from tests.support.builders import PROGRAM
from tests.support.services import NO_DATABASE, Keys, dropped, serving

if TYPE_CHECKING:
    from laurel.benefits.v1.benefits_pb2_grpc import BenefitsServiceAsyncStub
    from laurel.benefits.v1.notices_pb2_grpc import NoticesServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["BenefitsService"]
NOTICES = notices_pb2.DESCRIPTOR.services_by_name["NoticesService"]
OTHER_PROGRAM = "other_store"


@dataclass
class Scoring:
    """The scoring service on a port of its own, which it keeps while it is down."""

    settings: ScoringSettings
    _server: RpcServer | None = None

    @property
    def address(self) -> str:
        return f"{self.settings.host}:{self.settings.port}"

    async def start(self) -> None:
        self._server = make_server(self.settings)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.drain()
            self._server = None


@dataclass
class BenefitsWorld:
    """A running service with its neighbours, and callers of it."""

    address: str
    keys: Keys
    platform: Platform
    settings: Settings
    scoring: Scoring
    members: FakeMembers
    risk: FakeRisk
    _closing: list[Any] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.platform.database

    def caller(
        self, kind: PrincipalKind, subject: str, program_id: str | None = PROGRAM, **claims: Any
    ) -> "BenefitsServiceAsyncStub":
        """A stub that calls as this principal; the world keeps its channel open."""
        token = self.keys.token(kind, subject, program_id, **claims)
        opened = channel(self.address, SERVICE, token=token, timeout=20)
        self._closing.append(opened)
        return benefits_pb2_grpc.BenefitsServiceStub(opened)

    def stub(
        self,
        service: ServiceDescriptor,
        made: Callable[[Any], Any],
        kind: PrincipalKind,
        subject: str,
        program_id: str | None = PROGRAM,
        **claims: Any,
    ) -> Any:
        """A stub of any service here, such as `made=tills_pb2_grpc.TillsServiceStub`, for this principal."""
        token = self.keys.token(kind, subject, program_id, **claims)
        opened = channel(self.address, service, token=token, timeout=20)
        self._closing.append(opened)
        return made(opened)

    def notices(
        self, kind: PrincipalKind, subject: str, program_id: str | None = PROGRAM, **claims: Any
    ) -> "NoticesServiceAsyncStub":
        """A stub of NoticesService that calls as this principal."""
        token = self.keys.token(kind, subject, program_id, **claims)
        opened = channel(self.address, NOTICES, token=token, timeout=20)
        self._closing.append(opened)
        return notices_pb2_grpc.NoticesServiceStub(opened)

    @cached_property
    def staff(self) -> "BenefitsServiceAsyncStub":
        """Staff of the program."""
        return self.caller("staff", "ann")

    def staff_of(self, program_id: str) -> "BenefitsServiceAsyncStub":
        """Staff of any program."""
        return self.caller("staff", "ann", program_id)

    @cached_property
    def service(self) -> "BenefitsServiceAsyncStub":
        """Another service, which works for all programs."""
        return self.caller("service", "members", None)

    def consumer(self, risk_address: str = "") -> MemberEvents:
        """What applies announcements in one replica, with clients and memories of its own."""
        store, members = BenefitsStore(self.database), self.members_client()
        deciding = self.deciding(risk_address)
        programs = ProgramHandlers(store, now)
        times = ProgramTimes(store, programs, Clocks(members.clocks), now)
        reviews = TierReviews(store, deciding, members, times, now=now, new_id=new_id)
        decisions = DecisionHandlers(
            store, programs, deciding, members, times, reviews, now=now, new_id=new_id
        )
        activities = ActivityHandlers(store, programs, times, now=now, new_id=new_id)
        birthdays = BirthdayHandlers(store, programs, times)
        glasses = BreakGlassHandlers(store, programs, times, now, new_id)
        return MemberEvents(decisions, activities, birthdays, glasses, partial(keep_homes, self.database))

    def risk_consumer(self, risk_address: str = "") -> RiskEvents:
        """What applies announcements of risk in one replica."""
        store, members = BenefitsStore(self.database), self.members_client()
        deciding = self.deciding(risk_address)
        programs = ProgramHandlers(store, now)
        times = ProgramTimes(store, programs, Clocks(members.clocks), now)
        reviews = TierReviews(store, deciding, members, times, now=now, new_id=new_id)
        return RiskEvents(
            HeldUpgrades(store, programs, times, members, deciding, reviews, now=now, new_id=new_id)
        )

    def deciding(self, risk_address: str = "") -> Deciding:
        """What decides in one replica, with clients of its own; with the fake risk where none is named."""
        token = self.keys.token("service", "benefits", None)
        scoring = ScoringClient(self.settings.scoring_address, token=token)
        risk = RiskClient(risk_address or self.settings.risk_address, token=token)
        self._closing += [scoring, risk]
        return Deciding(scoring, Surroundings(BenefitsStore(self.database), risk))

    def members_client(self) -> MembersClient:
        """A client of the members service, for one replica."""
        members = MembersClient(
            self.settings.members_address, token=self.keys.token("service", "benefits", None)
        )
        self._closing.append(members)
        return members

    def program_times(self) -> ProgramTimes:
        """What tells the time of programs in one replica, with clocks that it has not read yet."""
        store, members = BenefitsStore(self.database), self.members_client()
        return ProgramTimes(store, ProgramHandlers(store, now), Clocks(members.clocks), now)

    @cached_property
    def replica(self) -> MemberEvents:
        """The replica that applies what a test has announced."""
        return self.consumer()

    async def apply(self, partition: int, *messages: StreamMessage) -> None:
        """Have announcements of one partition applied in one read."""
        await self.replica.apply(partition, list(messages))

    async def publish(self, program: Program) -> None:
        """Make a program live."""
        await self.staff_of(program.key).PublishProgram(
            pb.PublishProgramRequest(
                program_id=program.key, request_id=new_id("req"), document=program.canonical()
            )
        )

    async def a_program(self, like: str = PROGRAM) -> str:
        """The key of a program that nobody else has anything to do with."""
        key = f"store_{new_id('x')[-12:]}"
        await self.publish(preset(like).model_copy(update={"key": key}))
        return key

    async def a_member(self, *amounts: int, program_id: str = PROGRAM) -> Story:
        """A member who joined, made these purchases and was decided on."""
        story = Story(program_id).buys(*amounts)
        self.members.knows([story])
        told = [story.told()] if story.events else []
        await self.apply(story.partition, story.registration(), *told)
        return story

    def closing(self, *opened: Any) -> None:
        """Have these closed with the world."""
        self._closing += opened

    async def close(self) -> None:
        for opened in self._closing:
            await opened.close()


@asynccontextmanager
async def benefits_world(mongodb_uri: str, redis_url: str, folder: Path) -> AsyncIterator[BenefitsWorld]:
    """A benefits service with the store and another program, beside a scoring service and a fake members."""
    keys = Keys.made_in(folder)
    members = FakeMembers()  # type: ignore[abstract]  # what it lacks nobody calls
    risk = FakeRisk()  # type: ignore[abstract]  # what it lacks nobody calls
    common = keys.settings(mongodb_uri, redis_url)
    with Ports() as ports:
        scoring = Scoring(
            ScoringSettings(
                development=True,
                port=ports.any(),
                metrics_port=0,
                key_set_file=keys.key_set_file,
                audit_key_file=keys.audit_key_file,
                mongodb_uri=NO_DATABASE,
                drain_seconds=0,
            )
        )
        add_members = members_pb2_grpc.add_MembersServiceServicer_to_server
        add_risk = risk_pb2_grpc.add_RiskServiceServicer_to_server
        await scoring.start()
        anywhere = scoring.settings.model_copy(update={"port": 0})
        async with (
            serving(anywhere, add_members, members) as address,
            serving(anywhere, add_risk, risk) as risk_address,
        ):
            settings = Settings(
                members_address=address,
                risk_address=risk_address,
                scoring_address=scoring.address,
                webhook_key_file=keys.webhook_key_file,
                webhook_loopback=True,
                **common,
            )
            platform = Platform.of("benefits", settings)
            await ensure_indexes(platform.database)
            programs = ProgramHandlers(BenefitsStore(platform.database), now)
            sealing = Sealing.of_file(keys.webhook_key_file)
            store, token = BenefitsStore(platform.database), keys.token("service", "benefits", None)
            to_members, to_risk = MembersClient(address, token=token), RiskClient(risk_address, token=token)
            deciding_scoring = ScoringClient(scoring.address, token=token)
            times = ProgramTimes(store, programs, Clocks(to_members.clocks), now)

            def add(served: list[tuple[Any, object]], server: Any) -> None:
                for register, each in served:
                    register(each, server)

            to_scoring = ExplanationClient(scoring.address, token=token)
            surroundings = Surroundings(store, to_risk)
            explaining = explaining_handlers(store, programs, times, to_members, to_scoring, surroundings)
            deciding = Deciding(deciding_scoring, surroundings)
            reviews = TierReviews(store, deciding, to_members, times, now=now, new_id=new_id)
            overrides = OverrideHandlers(
                store, programs, times, to_members, deciding, reviews, now=now, new_id=new_id
            )
            fairness = FairnessHandlers(
                BenefitsStore(platform.database), programs, times, to_members, to_scoring
            )
            previews = TierPreviews(deciding, to_members, seconds_max=20)
            walks = WalkClient(address, scoring.address, token=token)
            follow = FollowHandlers(store, programs, service="benefits", now=now)
            reports = ReportHandlers(store, programs, times, follow)
            thresholds = ThresholdHandlers(store, times, reports, walks, surroundings)
            served = servicers(
                platform,
                settings,
                programs,
                times,
                sealing,
                explaining,
                fairness,
                overrides,
                previews,
                thresholds,
            )
            async with serving(settings, add, served) as benefits_address:
                world = BenefitsWorld(benefits_address, keys, platform, settings, scoring, members, risk)
                await world.publish(preset(PROGRAM))
                await world.publish(preset("ecommerce_five").model_copy(update={"key": OTHER_PROGRAM}))
                yield world
                await world.close()
            await to_members.close()
            await to_scoring.close()
            await deciding_scoring.close()
            await to_risk.close()
            await walks.close()
        await scoring.stop()
        await dropped(platform)


@pytest.fixture(scope="session")
async def benefits(
    mongodb_uri: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BenefitsWorld]:
    """One benefits service for all tests; each has members or programs of its own."""
    async with benefits_world(mongodb_uri, redis_url, tmp_path_factory.mktemp("benefits")) as world:
        yield world


@pytest.fixture(scope="session")
async def proofs(
    benefits: BenefitsWorld, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ProofWorld]:
    """What proves the ledgers of that service; each test has books of its own."""
    folder = DataFolder(tmp_path_factory.mktemp("proofs"))
    folder.prepare()
    world = ProofWorld(benefits.database, benefits.address, benefits.keys, folder)
    yield world
    await world.close()
