"""Helpers for tests of changing programs: who proposes, who approves, and runs that decide members again."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1 import programs_pb2_grpc
from libs.common.clock import now
from libs.common.clocks import Clocks
from libs.common.ids import new_id
from libs.common.program import Program, preset
from services.benefits.domain.program_changes import Change
from services.benefits.handlers.program_changes import ScheduledVersions
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.recalculation import RecalculationHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.simulating import simulated
from tests.support.builders import PROGRAM

SERVICE = pb.DESCRIPTOR.services_by_name["ProgramsService"]
SILVER, GOLD, MORE_FOR_GOLD = 10_000, 25_000, 30_000


@dataclass
class Desk:
    """A program and the two people that it takes to change it."""

    benefits: BenefitsWorld
    program: Program
    manager: Any
    officer: Any

    @property
    def key(self) -> str:
        return self.program.key

    def with_gold_at(self, spend: int, *, new_version: str = "apply", name: str = "gold") -> Program:
        """The program with another threshold of gold, which may have another name too."""
        document = self.program.document()
        (tier_set,) = document["tier_sets"]
        tier_set["movement"]["new_version"] = new_version
        gold = tier_set["tiers"][2]
        gold["entry"]["value"] = spend
        gold |= {"key": name, "replaces": ["gold"] if name != "gold" else []}
        return Program.parse(document)

    async def propose(self, program: Program, note: str = "Gold asks for more") -> pb.ProgramVersion:
        request = pb.ProposeProgramRequest(
            program_id=self.key, request_id=new_id("req"), document=program.canonical(), note=note
        )
        return (await self.manager.ProposeProgram(request)).version  # type: ignore[no-any-return]

    async def approve(self, version: pb.ProgramVersion) -> pb.ProgramVersion:
        """Simulated, if it was not, and approved."""
        if not version.simulation_id:
            await simulated(self.benefits, self.key, version.version, months=1)
        request = pb.ApproveProgramVersionRequest(
            program_id=self.key, request_id=new_id("req"), version=version.version, digest=version.digest
        )
        return (await self.officer.ApproveProgramVersion(request)).version  # type: ignore[no-any-return]

    async def publish(self, version: pb.ProgramVersion, **fields: Any) -> pb.ProgramVersion:
        request = pb.PublishProgramVersionRequest(
            program_id=self.key, request_id=new_id("req"), version=version.version, **fields
        )
        return (await self.manager.PublishProgramVersion(request)).version  # type: ignore[no-any-return]

    async def changed_to(self, program: Program) -> pb.ProgramVersion:
        """Proposed, approved and published at once."""
        return await self.publish(await self.approve(await self.propose(program)))

    async def roll_back(self, to: int, reason: str = "Too many complaints") -> pb.ProgramVersion:
        request = pb.RollBackProgramRequest(
            program_id=self.key, request_id=new_id("req"), to_version=to, reason=reason
        )
        return (await self.officer.RollBackProgram(request)).version  # type: ignore[no-any-return]

    async def versions(self, **fields: Any) -> pb.ListProgramVersionsResponse:
        request = pb.ListProgramVersionsRequest(program_id=self.key, **fields)
        return await self.manager.ListProgramVersions(request)  # type: ignore[no-any-return]

    async def states(self) -> list[tuple[int, str]]:
        """Number and state of the versions, the latest first."""
        return [
            (each.version, pb.ProgramVersionState.Name(each.state).removeprefix("PROGRAM_VERSION_STATE_"))
            for each in (await self.versions()).versions
        ]


async def a_desk(benefits: BenefitsWorld, like: str = PROGRAM) -> Desk:
    """A program of its own, with a manager who proposes and an officer who approves."""
    return await desk_of(benefits, preset(like).model_copy(update={"key": f"store_{new_id('x')[-12:]}"}))


async def desk_of(benefits: BenefitsWorld, program: Program) -> Desk:
    """A program that nobody has yet, live, with such people."""
    await benefits.publish(program)

    def person(subject: str, role: str) -> Any:
        return benefits.stub(
            SERVICE, programs_pb2_grpc.ProgramsServiceStub, "staff", subject, program.key, roles=[role]
        )

    return Desk(benefits, program, person("mia", "operations_manager"), person("otto", "compliance_officer"))


def scheduled_versions(benefits: BenefitsWorld) -> ScheduledVersions:
    """The kind of the calendar, in a replica of its own."""
    store = BenefitsStore(benefits.database)
    return ScheduledVersions(store, ProgramHandlers(store, now), now=now, new_id=new_id)


def recalculations(benefits: BenefitsWorld) -> RecalculationHandlers:
    """What decides members again, in a replica of its own."""
    store = BenefitsStore(benefits.database)
    deciding, members = benefits.deciding(), benefits.members_client()
    times = ProgramTimes(store, ProgramHandlers(store, now), Clocks(members.clocks), now)
    return RecalculationHandlers(store, deciding, members, times, now=now, new_id=new_id)


async def recalculated(benefits: BenefitsWorld, program_id: str) -> Change | None:
    """Take the run of a program to its end; gives how it ended, None where there was none."""
    handlers, ended = recalculations(benefits), None
    for change in await handlers.running():
        if change.program_id == program_id:
            ended = await handlers.through(change, lambda _: True)
    return ended
