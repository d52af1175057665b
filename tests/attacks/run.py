"""A whole attack run: start the platform, try everything, measure, and look into its logs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.attacks import logs, memory
from tests.attacks.floods import http2, sockets
from tests.attacks.generated import documents, messages
from tests.attacks.hand import (
    crowds,
    foreign,
    foreign_graph,
    graph,
    http,
    inputs,
    nodes,
    peers,
    persisted,
    replays,
    revocations,
    roles,
    streams,
    tokens,
    transport,
    waiting,
)
from tests.attacks.hand import messages as bad_messages
from tests.attacks.judge import Judge
from tests.attacks.memory import Memory
from tests.attacks.report import Report
from tests.attacks.rounds import besieged
from tests.attacks.verdicts import Case, Finding
from tests.attacks.warming import warm_up
from tests.attacks.world import World, attacked


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is tried."""

    seed: int
    generated: int
    all_texts: bool
    flood_scale: float
    rounds: int
    round_seconds: float


WHOLE = Plan(seed=20261122, generated=2_500, all_texts=True, flood_scale=1.0, rounds=6, round_seconds=10.0)
SMALL = Plan(seed=20261122, generated=100, all_texts=False, flood_scale=0.1, rounds=0, round_seconds=0.0)
"""Every case by hand, and a little of what takes long."""

Told = Callable[[str, int, int], None]
"""Is told what is done now, how many cases are done, and how many there are."""


async def attack(folder: Path, plan: Plan, told: Told) -> Report:
    """Attack a platform of its own in this folder."""
    started = time.monotonic()
    told("Starting the platform", 0, 1)
    async with attacked(folder) as world:
        await warm_up(world)
        async with memory.watched(world.run) as watched:
            report = await _attack(world, plan, watched, told)
        report.judge.found += [*logs.reviewed(world.folder), *_restarted(world)]
    report.seconds = time.monotonic() - started
    return report


async def _attack(world: World, plan: Plan, watched: Memory, told: Told) -> Report:
    cases, judge = list(_cases(world, plan)), Judge()
    steps = len(cases) + plan.rounds
    for number, case in enumerate(cases):
        told(case.group, number, steps)
        await judge.judge(case)
    report = Report(judge, plan.seed, generated=2 * plan.generated)
    if plan.rounds:
        await _besiege(world, plan, report, lambda done: told("siege", len(cases) + done, steps))
    told("done", steps, steps)
    report.growth_mb = watched.growth_mb()
    return report


async def _besiege(world: World, plan: Plan, report: Report, told: Callable[[int], None]) -> None:
    async with besieged(world.folder.path, plan.seed) as measure_round:
        for number in range(plan.rounds):
            told(number)
            measured, found = await measure_round(plan.round_seconds)
            report.rounds.append(measured)
            report.judge.found += found


def _cases(world: World, plan: Plan) -> Iterator[Case]:
    """Everything that is asked one by one; what is timed first, what hurts everybody last."""
    # First: numbers that others send move the clock of the sandbox by decades, and what is open ends.
    yield from replays.cases(world)
    yield from bad_messages.cases(world)
    yield from replays.late_cases(world)
    yield from graph.cases(world)
    yield from http.cases(world)
    yield from transport.cases(world)
    yield from peers.cases(world)
    yield from tokens.cases(world)
    yield from inputs.cases(world, all_texts=plan.all_texts)
    yield from documents.cases(world, seed=plan.seed, count=plan.generated)
    yield from messages.cases(world, seed=plan.seed, count=plan.generated)
    yield from foreign.cases(world)
    yield from foreign_graph.cases(world)
    yield from nodes.cases(world)
    yield from roles.cases(world)
    yield from crowds.cases(world)
    yield from streams.cases(world)
    yield from persisted.cases(world)
    yield from revocations.cases(world)
    yield from http2.cases(world, scale=plan.flood_scale)
    yield from sockets.cases(world, scale=plan.flood_scale)
    yield from waiting.cases(world)


def _restarted(world: World) -> Iterator[Finding]:
    """Processes that did not live through it."""
    for name, process in world.folder.running().processes.items():
        if process.restarts:
            yield Finding("status_5xx", "processes", name, f"started again {process.restarts} times")
