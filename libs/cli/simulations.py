"""Simulations of versions, through benefits: started, followed to their end, and whom they would move."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import grpc

from laurel.benefits.v1 import simulations_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.cli.clients import Clients
from libs.cli.errors import CommandError
from libs.cli.retries import patiently
from libs.common.ids import new_id
from libs.common.rpc.time import timestamp

AGAIN_SECONDS = 0.5
TRIES_MAX = 20
"""How often a watch is begun again that was cut off, without any member being gone through in between."""
MOVES_PAGE = 500
_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED}


async def start(
    clients: Clients,
    program_id: str,
    number: int,
    *,
    dates: Sequence[datetime],
    months: int,
    assumptions: pb.SimulationAssumptions,
) -> pb.Simulation:
    """Start a run of a version."""
    request = pb.SimulateProgramVersionRequest(
        program_id=program_id,
        request_id=new_id("req"),
        version=number,
        dates=map(timestamp, dates),
        months=months,
        assumptions=assumptions,
    )
    return (await patiently(lambda: clients.simulations.SimulateProgramVersion(request))).simulation


async def followed(
    clients: Clients, run: pb.Simulation, told: Callable[[pb.Simulation], None]
) -> pb.Simulation:
    """A run at its end, with its result; CommandError where none came of it, or it cannot be watched."""
    request = pb.WatchSimulationRequest(program_id=run.program_id, simulation_id=run.simulation_id)
    at, tries = run, 0
    while at.state in {pb.SIMULATION_STATE_WAITING, pb.SIMULATION_STATE_RUNNING}:
        done = at.done_count
        try:
            async for answer in clients.simulations.WatchSimulation(request):
                at = answer.simulation
                told(at)
        except grpc.aio.AioRpcError as error:
            tries = 0 if at.done_count > done else tries + 1
            if error.code() not in _AGAIN or tries > TRIES_MAX:
                raise
            await asyncio.sleep(AGAIN_SECONDS)
    if at.state != pb.SIMULATION_STATE_DONE:
        raise CommandError(
            f"Nothing came of simulating version {run.version}: another version took effect meanwhile, or "
            "this one was rejected. Propose the change again."
        )
    return await one(clients, run.program_id, run.simulation_id)


async def one(clients: Clients, program_id: str, simulation_id: str) -> pb.Simulation:
    """A run with its result."""
    request = pb.BatchGetSimulationsRequest(program_id=program_id, simulation_ids=[simulation_id])
    (found,) = (await patiently(lambda: clients.simulations.BatchGetSimulations(request))).results
    if found.status != lookup_pb2.LOOKUP_STATUS_FOUND:
        raise CommandError(f"{simulation_id} is gone: the last twenty of a program are kept.")
    return found.simulation


async def latest(clients: Clients, program_id: str, number: int) -> pb.Simulation | None:
    """The last run of a version, without its result."""
    request = pb.ListSimulationsRequest(program_id=program_id, version=number, page_size=1)
    found = (await patiently(lambda: clients.simulations.ListSimulations(request))).simulations
    return found[0] if found else None


async def moves(
    clients: Clients, run: pb.Simulation, direction: "pb.SimulatedDirection.ValueType", count: int
) -> list[pb.SimulatedMove]:
    """So many of those whom a run would move."""
    found: list[pb.SimulatedMove] = []
    token = ""
    while len(found) < count:
        request = pb.ListSimulatedMovesRequest(
            program_id=run.program_id,
            simulation_id=run.simulation_id,
            direction=direction,
            page_size=min(MOVES_PAGE, count - len(found)),
            page_token=token,
        )
        page = await patiently(lambda asked=request: clients.simulations.ListSimulatedMoves(asked))  # type: ignore[misc]
        found += page.moves
        token = page.next_page_token
        if not token:
            break
    return found
