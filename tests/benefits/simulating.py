"""Helpers for tests of simulations: runs are started by a manager, and taken to their end in a replica."""

from typing import Any

from laurel.benefits.v1 import simulations_pb2 as pb
from laurel.benefits.v1 import simulations_pb2_grpc
from libs.common.clock import now
from libs.common.ids import new_id
from services.benefits.clients import RiskClient
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.points_report import ReportHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.recalculation import RecalculationHandlers
from services.benefits.handlers.simulating import SimulatingHandlers
from services.benefits.handlers.surroundings import Surroundings
from services.benefits.repository.store import BenefitsStore
from services.benefits.walks import WalkClient
from tests.benefits.conftest import BenefitsWorld

SERVICE = pb.DESCRIPTOR.services_by_name["SimulationsService"]


def simulations(benefits: BenefitsWorld, program_id: str, role: str = "operations_manager") -> Any:
    """A stub of SimulationsService for one of the staff."""
    return benefits.stub(
        SERVICE, simulations_pb2_grpc.SimulationsServiceStub, "staff", "sim", program_id, roles=[role]
    )


async def started(benefits: BenefitsWorld, program_id: str, version: int, **fields: Any) -> pb.Simulation:
    """A run that waits."""
    request = pb.SimulateProgramVersionRequest(
        program_id=program_id, request_id=new_id("req"), version=version, **fields
    )
    return (await simulations(benefits, program_id).SimulateProgramVersion(request)).simulation  # type: ignore[no-any-return]


async def read(benefits: BenefitsWorld, run: pb.Simulation) -> pb.Simulation:
    """A run as it is now."""
    request = pb.BatchGetSimulationsRequest(program_id=run.program_id, simulation_ids=[run.simulation_id])
    answer = await simulations(benefits, run.program_id).BatchGetSimulations(request)
    return answer.results[0].simulation  # type: ignore[no-any-return]


def simulating(benefits: BenefitsWorld) -> SimulatingHandlers:
    """What takes runs further, in a replica of its own."""
    store = BenefitsStore(benefits.database)
    programs, times = ProgramHandlers(store, now), benefits.program_times()
    members, deciding = benefits.members_client(), benefits.deciding()
    token = benefits.keys.token("service", "benefits", None)
    walks = WalkClient(benefits.settings.members_address, benefits.settings.scoring_address, token=token)
    risk = RiskClient(benefits.settings.risk_address, token=token)
    benefits.closing(walks, risk)
    return SimulatingHandlers(
        store,
        RecalculationHandlers(store, deciding, members, times, now=now, new_id=new_id),
        ReportHandlers(store, programs, times, FollowHandlers(store, programs, service="benefits", now=now)),
        walks,
        Surroundings(store, risk),
        times,
        now=now,
    )


async def through(benefits: BenefitsWorld, run: pb.Simulation, *, replicas: int = 1) -> pb.Simulation:
    """Take a run to its end, each step in the next of some replicas."""
    at, step = await read(benefits, run), 0
    made = [simulating(benefits) for _ in range(replicas)]
    while at.state in {pb.SIMULATION_STATE_WAITING, pb.SIMULATION_STATE_RUNNING}:
        handlers = made[step % replicas]
        for each in await handlers.running():
            if each.simulation_id == run.simulation_id:
                await handlers.go_on(each)
        at, step = await read(benefits, run), step + 1
    return at


async def simulated(benefits: BenefitsWorld, program_id: str, version: int, **fields: Any) -> pb.Simulation:
    """A run of a version, done."""
    return await through(benefits, await started(benefits, program_id, version, **fields))
