"""What the page is made of, read from the services; what cannot be had is told with the reason."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from laurel.benefits.v1 import fairness_pb2, reports_pb2, simulations_pb2, tier_reports_pb2, usage_pb2
from libs.cli import points_report, usage_report
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.programs import live_program
from libs.cli.retries import patiently
from libs.common.program import Program

MONTHS = 12
# What cannot be had after so long is left out; counting the fairness of a large program takes longer.
READ_SECONDS, COUNT_SECONDS, POLL_SECONDS = 10.0, 300.0, 0.5
SIMULATIONS = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """A part of the page, or why it is not there; neither where there is nothing to show."""

    found: T | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the page shows of a program as it was read."""

    program: Program
    read_time: datetime
    tiers: Part[tier_reports_pb2.TierReport]
    points: Part[reports_pb2.PointsReport]
    fairness: Part[fairness_pb2.FairnessReport]
    simulation: Part[simulations_pb2.Simulation]
    usage: Part[list[usage_pb2.UsageMonth]]


async def findings(
    clients: Clients, program_id: str, now: datetime, *, wait_seconds: float = READ_SECONDS
) -> Findings:
    """Read everything; without the program itself there is no page."""
    program = await live_program(clients, program_id)

    def within(call: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        return patiently(call, seconds=wait_seconds)

    async def tiers() -> tier_reports_pb2.TierReport:
        request = tier_reports_pb2.GetTierReportRequest(program_id=program_id, months=MONTHS)
        return (await within(lambda: clients.reports.GetTierReport(request))).report

    async def simulation() -> simulations_pb2.Simulation | None:
        return await _newest_simulation(clients, program_id, wait_seconds)

    return Findings(
        program,
        now,
        await _part(tiers),
        await _part(lambda: points_report.read(clients, program_id, MONTHS)),
        await _part(lambda: _fairness(clients, program_id, wait_seconds)),
        await _part(simulation),
        await _part(lambda: usage_report.read(clients, program_id, MONTHS)),
    )


async def _part(read: Callable[[], Awaitable[T | None]]) -> Part[T]:
    try:
        return Part(await read())
    except (CommandError, TimeoutError) as error:
        return Part(reason=str(error) or type(error).__name__)


async def _fairness(clients: Clients, program_id: str, wait_seconds: float) -> fairness_pb2.FairnessReport:
    """The report, when it is counted."""
    request = fairness_pb2.GetFairnessReportRequest(program_id=program_id)
    async with asyncio.timeout(COUNT_SECONDS):
        while True:
            answer = await patiently(lambda: clients.reports.GetFairnessReport(request), seconds=wait_seconds)
            if answer.HasField("report"):
                return answer.report
            await asyncio.sleep(POLL_SECONDS)


async def _newest_simulation(
    clients: Clients, program_id: str, wait_seconds: float
) -> simulations_pb2.Simulation | None:
    """The newest run that is done, with its result; None where there is none."""
    asked = simulations_pb2.ListSimulationsRequest(program_id=program_id, page_size=SIMULATIONS)
    listed = await patiently(lambda: clients.simulations.ListSimulations(asked), seconds=wait_seconds)
    done = [each for each in listed.simulations if each.state == simulations_pb2.SIMULATION_STATE_DONE]
    if not done:
        return None
    request = simulations_pb2.BatchGetSimulationsRequest(
        program_id=program_id, simulation_ids=[done[0].simulation_id]
    )
    found = await patiently(lambda: clients.simulations.BatchGetSimulations(request), seconds=wait_seconds)
    return found.results[0].simulation if found.results[0].HasField("simulation") else None
