"""The row of recalculation: a new version decides all members again, against writing what it wrote."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from pymongo import InsertOne, ReplaceOne

from laurel.benefits.v1 import programs_pb2 as pb
from laurel.benefits.v1.simulations_pb2 import SimulationAssumptions
from libs.cli import simulations
from libs.cli.clients import Clients, connected, signer
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import Program, preset
from libs.common.rpc.time import moment
from tests.bench.by_hand import Client, counts, mongo, part, written
from tests.bench.measure import ROUNDS, Measured
from tests.bench.platforms import Shop, shop
from tests.bench.rows import Row

MEMBERS, BATCH = 100_000, 200
POLL_SECONDS, ENDS_SECONDS = 0.25, 600.0
# What a run changes of what is there, and what it adds.
CHANGED, NEW = ("memberships", "member_changes"), ("decisions", "notices", "outbox")
# Spends are spread evenly up to twice the threshold, so that the two versions differ in a tenth of them.
SILVER, GOLD, SPENDS_BELOW = 100_000, (500_000, 600_000), 1_000_000


async def redecide_vs_bulk_write(folder: Path) -> Measured:
    """Members decided again and stored, against bulk writes of the same documents."""
    async with shop(folder) as world, _people(world) as (manager, officer):
        with mongo(world.run) as client:
            await asyncio.to_thread(_enrolled, client, world)
            ratios = []
            for number in range(ROUNDS + 1):  # the first fills caches, and moves those who are there besides
                before = counts(client["laurel_benefits"], [*CHANGED, *NEW])
                ours, moved = await _recalculated(manager, officer, _with_gold_at(GOLD[1 - number % 2]))
                by_hand = await asyncio.to_thread(_by_hand, client, before, moved, number)
                ratios.append(by_hand / ours)
        return Measured.of(ratios[1:])


@asynccontextmanager
async def _people(world: Shop) -> AsyncIterator[Sequence[Clients]]:
    """One who proposes, and one who approves."""
    roles = ("operations_manager", "compliance_officer")
    tokens = [
        signer(world.run).token(
            role, "staff", now=now(), ttl=timedelta(hours=1), program_id=world.program_id, roles=[role]
        )
        for role in roles
    ]
    async with connected(world.run, tokens[0]) as manager, connected(world.run, tokens[1]) as officer:
        yield manager, officer


def _enrolled(client: Client, world: Shop) -> None:
    """Memberships of so many members more, as one of them is, each with a spend of their own."""
    database, numbers = client["laurel_benefits"], random.Random(1)
    like = database["memberships"].find_one({"program_id": world.program_id})
    assert like is not None
    more = MEMBERS - len(world.members)
    for first in range(0, more, 10_000):
        members = [f"mem_{number:032x}" for number in range(first, min(first + 10_000, more))]
        spends = [numbers.randrange(SPENDS_BELOW) for _ in members]
        database["memberships"].insert_many(
            [
                {
                    **like,
                    "_id": f"{world.program_id}/{member}/main",
                    "member_id": member,
                    "tier": "gold" if spend >= GOLD[0] else "silver" if spend >= SILVER else "normal",
                    "metrics": {"spend": spend},
                }
                for member, spend in zip(members, spends, strict=True)
            ]
        )


def _with_gold_at(spend: int) -> Program:
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    tier_set["movement"]["new_version"] = "apply"
    tier_set["tiers"][2]["entry"]["any"][0]["value"] = spend
    return Program.parse(document)


async def _simulated(manager: Clients, program_id: str, number: int) -> None:
    """Nobody approves what has not been simulated."""
    run = await simulations.start(
        manager, program_id, number, dates=[], months=1, assumptions=SimulationAssumptions()
    )
    await simulations.followed(manager, run, lambda _: None)


async def _recalculated(manager: Clients, officer: Clients, program: Program) -> tuple[float, int]:
    """Seconds that a run took, by its own clock, until all were decided; and how many it moved."""
    proposed = await manager.programs.ProposeProgram(
        pb.ProposeProgramRequest(
            program_id=program.key, request_id=new_id("req"), document=program.canonical(), note="bench"
        )
    )
    number = proposed.version.version
    await _simulated(manager, program.key, number)
    await officer.programs.ApproveProgramVersion(
        pb.ApproveProgramVersionRequest(
            program_id=program.key,
            request_id=new_id("req"),
            version=number,
            digest=proposed.version.digest,
        )
    )
    await manager.programs.PublishProgramVersion(
        pb.PublishProgramVersionRequest(program_id=program.key, request_id=new_id("req"), version=number)
    )
    async with asyncio.timeout(ENDS_SECONDS):
        while True:
            listed = await manager.programs.ListProgramVersions(
                pb.ListProgramVersionsRequest(program_id=program.key, page_size=1)
            )
            run = listed.versions[0].recalculation
            if run.HasField("end_time"):
                assert run.decided_count >= MEMBERS
                took = (moment(run.end_time) - moment(run.start_time)).total_seconds()
                return took, run.upgraded_count + run.downgraded_count
            await asyncio.sleep(POLL_SECONDS)


def _by_hand(client: Client, before: Mapping[str, int], moved: int, number: int) -> float:
    """Seconds that bulk writes of what a run has written take, as many members at a time."""
    target, batches = client[f"bench_{number}"], MEMBERS // BATCH
    changed = {"memberships": MEMBERS, "member_changes": moved}
    documents = written(client["laurel_benefits"], before, changed, number)
    assert len(documents["decisions"]) == MEMBERS
    for name in NEW:
        target.create_collection(name)
    for name in CHANGED:  # as they are there before a run
        target[name].insert_many(documents[name])
    started = perf_counter()
    for batch in range(batches):
        for name, found in documents.items():
            operations = [
                InsertOne(each) if name in NEW else ReplaceOne({"_id": each["_id"]}, each)
                for each in part(found, batch, batches)
            ]
            if operations:
                target[name].bulk_write(operations, ordered=False)
    took = perf_counter() - started
    client.drop_database(target.name)
    return took


ROWS = [
    Row(
        "redecide_vs_bulk_write",
        good=0.3,
        goal=0.6,
        lower_is_better=False,
        how=f"a new version decides {MEMBERS:,} members again, {BATCH} at a time, all on (a tenth move, "
        "are told and announced), against bulk writes of the memberships, decisions, changes, notices and "
        "outbox rows that it wrote, as many members at once, with the same write concern and without indexes",
        measure=redecide_vs_bulk_write,
    ),
]
