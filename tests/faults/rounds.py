"""One round: a program of its own, clients, faults, and then what the checkers say of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from libs.cli import audit, ledger, pipeline
from tests.faults import dump, rebuilding
from tests.faults.checkers.findings import Finding, broken
from tests.faults.checkers.gaps import gaps_seconds
from tests.faults.checkers.judge import idle, judged
from tests.faults.checkers.plants import unseen
from tests.faults.cluster import Cluster
from tests.faults.hand import Hand
from tests.faults.history import History, Recorder, ends_of
from tests.faults.nemesis import Plan, schedule
from tests.faults.operations.catalogue import OPERATIONS
from tests.faults.witness import Witness
from tests.faults.workload import Counts, Workload
from tests.faults.world import World, a_world

DRAINED_SECONDS = 300.0
ANSWERS_AFTER = 10
POLL_SECONDS = 0.05
AUDITED = {operation.name for operation in OPERATIONS if operation.audited}
CHAINS = ("members", "benefits", "risk")

Told = Callable[[int, Counts], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What one round is to do."""

    plan: Plan
    count: int
    operations: int
    per_second: float
    seed: int
    smoke: bool


class Round(BaseModel):
    """What came of a round."""

    count: int
    operations: int
    acknowledged: int
    unknown: int
    lost: int
    doubled: int
    broken: int
    gaps_s: list[float]
    snapshots: int
    seconds: float
    findings: list[str]


async def play(cluster: Cluster, order: Order, history_file: Path, told: Told) -> Round:
    """Play one round on a platform that is whole, and leave it whole."""
    begun = time.monotonic()
    recorder = Recorder(history_file)
    try:
        async with a_world(cluster.run, cluster.node) as world:
            workload = Workload(world, recorder, OPERATIONS, per_second=order.per_second, seed=order.seed)
            await _suffer(cluster, order, world, workload, recorder, told)
            findings = await _found(cluster, order, world, recorder.history)
    finally:
        recorder.close()
    gaps = gaps_seconds(recorder.history, until_ns=workload.stopped_ns)
    return _round(recorder.history, findings, gaps, time.monotonic() - begun)


async def _suffer(
    cluster: Cluster, order: Order, world: World, workload: Workload, recorder: Recorder, told: Told
) -> None:
    """Clients ask while everything is hurt; the books are read all the while, until all had its effect."""
    hand = Hand(cluster, workload, recorder)
    witness = Witness(dump.database(cluster.client, "benefits"), world.program_id, recorder)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(witness.run())
        asking = tasks.create_task(workload.run())
        for group in schedule(order.plan, order.count, seed=order.seed, smoke=order.smoke):
            told(len(recorder.history.struck), workload.counts)
            await hand.strike(group)
        told(order.count, workload.counts)
        while workload.counts.asked < order.operations:
            told(order.count, workload.counts)
            await asyncio.sleep(POLL_SECONDS)
        await hand.works(ANSWERS_AFTER)
        workload.stop()
        await asking
        await pipeline.drained(world.staff, seconds=DRAINED_SECONDS)
        reading.cancel()


async def _found(cluster: Cluster, order: Order, world: World, history: History) -> list[Finding]:
    """What the checkers, the platform's own verification and the planted breaches say."""
    final = await dump.dumped(cluster.client, world.program_id, audited=AUDITED)
    final.faults += [fault async for fault in _verified(cluster, world)]
    findings = judged(history, final)
    findings += [broken("-", each, "there was none, so nothing is shown") for each in idle(history, final)]
    findings += [broken("-", each, "was planted, and passed over") for each in unseen(history, final)]
    if order.plan.name == "N9":
        findings += await rebuilding.check(cluster, world)
    return findings


async def _verified(cluster: Cluster, world: World) -> AsyncIterator[str]:
    """What the platform itself finds wrong with its ledger and its audit chains."""
    books = await ledger.verify(world.staff, program_id=world.program_id)
    if books.broken_count or books.sum_points:
        yield f"the ledger: {books.broken_count} broken, the sum is {books.sum_points}"
    for service in CHAINS:
        chain = await audit.verify(world.staff, cluster.folder, service, world.program_id, lambda *_: None)
        if chain.broken:
            yield f"the audit chain of {service}: {chain.broken} broken, such as {chain.faults[0]}"


def _round(history: History, findings: list[Finding], gaps: list[float], seconds: float) -> Round:
    ends = [end for attempts in history.wishes().values() for end in ends_of(attempts)]
    kinds = [finding.kind for finding in findings]
    return Round(
        count=len(history.struck),
        operations=len(ends),
        acknowledged=ends.count("ok"),
        unknown=ends.count("info"),
        lost=kinds.count("lost"),
        doubled=kinds.count("doubled"),
        broken=kinds.count("broken"),
        gaps_s=[round(gap, 2) for gap in gaps],
        snapshots=len(history.snapshots),
        seconds=round(seconds, 1),
        findings=[f"{each.promise} {each.kind}: {each.what}: {each.detail}" for each in findings],
    )
