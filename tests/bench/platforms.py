"""Rows of the whole platform: intake, from an event to the graph, and the start."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

import httpx

from laurel.members.v1 import events_pb2, members_pb2
from libs.cli import pipeline, programs, sample
from libs.cli.certificates import Authority
from libs.cli.clients import Clients, connected, connected_partner, signer, staff_token
from libs.cli.data_folder import DataFolder, RunFile
from libs.cli.platform import running
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.program import preset
from libs.common.rpc.time import timestamp
from tests.bench.by_hand import Client, counts, mongo, part, written
from tests.bench.measure import Measured
from tests.bench.rows import Row

TILL = "till"
BATCH, BATCHES, CALLERS, MEMBERS = 200, 16, 4, 500
INGEST_ROUNDS = 15  # of a second each, as one differs from the next by a third
PER_SECOND, SECONDS, POLL_SECONDS = 20, 15, 0.01
APPLIED_SECONDS = 120.0
STARTS = 3

INTAKE = ("events", "member_days", "members", "outbox", "idempotency")
POINTS = """query Bench($id: ID!) {
  member(id: $id) { points { balance } memberships { tierKey decision { cause { eventSeq } } } }
}"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A program with members on a platform, and its two kinds of callers."""

    run: RunFile
    program_id: str
    currency: str
    partner: Clients
    staff: Clients
    members: Sequence[str]

    def purchases(self, members: Sequence[str]) -> members_pb2.RecordEventsRequest:
        """A call that records a purchase of each of these members."""
        events = [
            events_pb2.Event(
                kind=events_pb2.EVENT_KIND_PURCHASE,
                member_id=member,
                external_ref=new_id("ref"),
                occurred_time=timestamp(now()),
                amount_minor=1_000,
                currency=self.currency,
                quantity=1,
            )
            for member in members
        ]
        return members_pb2.RecordEventsRequest(
            program_id=self.program_id, request_id=new_id("req"), events=events
        )

    @contextmanager
    def paused(self, *services: str) -> Iterator[None]:
        """Services that stand still until the block ends."""
        pids = [self.run.processes[service].pid or 0 for service in services]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    async def recorded(self, request: members_pb2.RecordEventsRequest) -> list[int]:
        """Record, and give the sequence of each event."""
        response = await self.partner.members.RecordEvents(request)
        assert all(each.outcome == members_pb2.EVENT_OUTCOME_ACCEPTED for each in response.results)
        return [each.seq for each in response.results]


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    """A platform of its own with a program that has members."""
    async with running(DataFolder(folder / "platform")) as run:
        program = preset("ecommerce_five")
        async with connected(run, staff_token(run, program.key)) as staff:
            await programs.publish(staff, program)
            await programs.create_store(staff, program.key, sample.STORE, "Online")
            await programs.create_partner(staff, program.key, TILL, name="Till", stores=[sample.STORE])
            Authority(run.tls_folder).partner(program.key, TILL, now=now())
            async with connected_partner(run, program.key, TILL) as partner:
                registered = await partner.members.RegisterMembers(
                    members_pb2.RegisterMembersRequest(
                        program_id=program.key,
                        request_id=new_id("req"),
                        registrations=[
                            members_pb2.Registration(external_member_id=f"c{n}", store_id=sample.STORE)
                            for n in range(MEMBERS)
                        ],
                    )
                )
                members = [each.member.member_id for each in registered.results]
                await pipeline.drained(staff)
                yield Shop(run, program.key, program.currency, partner, staff, members)


async def ingest_vs_insert_many(folder: Path) -> Measured:
    """Events a second through RecordEvents, against insert_many of the documents that it writes."""
    async with shop(folder) as world:
        with mongo(world.run) as client, world.paused("benefits", "risk"):
            ratios = []
            for number in range(INGEST_ROUNDS + 1):  # the first warms up
                before = counts(client["laurel_members"], INTAKE)
                # Two calls that come to share a transaction have no member in common, nor an update.
                halves = cycle((world.members[:BATCH], world.members[BATCH : 2 * BATCH]))
                calls = [world.purchases(half) for half in islice(halves, BATCHES)]
                started = time.perf_counter()
                waiting = iter(calls)
                await asyncio.gather(*(_caller(world, waiting) for _ in range(CALLERS)))
                ours = time.perf_counter() - started
                by_hand = await asyncio.to_thread(_inserted, client, before, number)
                ratios.append(by_hand / ours)
        return Measured.of(ratios[1:])


async def _caller(world: Shop, waiting: Iterator[members_pb2.RecordEventsRequest]) -> None:
    """Sends one batch after another, as long as any waits."""
    for call in waiting:
        await world.recorded(call)


def _inserted(client: Client, before: Mapping[str, int], number: int) -> float:
    """Seconds that bare inserts take for what a round has written, a batch at a time."""
    target = client[f"bench_{number}"]
    updates = dict.fromkeys(("members", "member_days"), BATCH * BATCHES)
    documents = written(client["laurel_members"], before, updates, number)
    for name in documents:  # as ours are there before the first event
        target.create_collection(name)
    started = time.perf_counter()
    for batch in range(BATCHES):
        for name, found in documents.items():
            if batched := part(found, batch, BATCHES):
                target[name].insert_many(batched)
    took = time.perf_counter() - started
    client.drop_database(target.name)
    return took


async def event_to_graph_p99_ms(folder: Path) -> Measured:
    """Milliseconds from the answer of RecordEvents until the graph shows points and tier."""
    async with shop(folder) as world:
        token = signer(world.run).token(
            TILL, "partner", now=now(), ttl=timedelta(hours=1), program_id=world.program_id
        )
        headers = {"authorization": f"Bearer {token}"}
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
        async with httpx.AsyncClient(headers=headers, timeout=10, trust_env=False, limits=limits) as http:
            await _visible(world, http, world.members[0])
            rounds = [await _p99(world, http, number) for number in range(3)]
        return Measured.of(rounds)


async def _p99(world: Shop, http: httpx.AsyncClient, number: int) -> float:
    count = PER_SECOND * SECONDS
    begin = time.perf_counter() + 0.1

    async def one(place: int) -> float:
        await asyncio.sleep(max(0.0, begin + place / PER_SECOND - time.perf_counter()))
        return await _visible(world, http, world.members[(number * count + place) % MEMBERS])

    waits = sorted(await asyncio.gather(*(one(place) for place in range(count))))
    return waits[-(-len(waits) * 99 // 100) - 1] * 1000


async def _visible(world: Shop, http: httpx.AsyncClient, member: str) -> float:
    (seq,) = await world.recorded(world.purchases([member]))
    acknowledged = time.perf_counter()
    asked = {"query": POINTS, "variables": {"id": member}}
    async with asyncio.timeout(APPLIED_SECONDS):
        while True:
            answer = (await http.post(f"{world.run.gateway_url}/graphql", json=asked)).json()
            shown = answer["data"]["member"]
            decided = shown["memberships"][0]["decision"]["cause"]["eventSeq"]
            # Each part of the answer is read by itself, so one of them may be older than the other.
            balance = 0 if shown["points"] is None else shown["points"]["balance"]
            if decided >= seq and balance >= seq * 10:
                return time.perf_counter() - acknowledged
            await asyncio.sleep(POLL_SECONDS)


async def up_seconds(folder: Path) -> Measured:
    """Seconds from the start until everything serves, in an empty folder."""
    rounds = []
    for number in range(STARTS):
        started = time.perf_counter()
        async with running(DataFolder(folder / str(number))):
            rounds.append(time.perf_counter() - started)
    return Measured.of(rounds)


ROWS = [
    Row(
        "ingest_vs_insert_many",
        good=0.3,
        goal=0.6,
        lower_is_better=False,
        how=f"{BATCHES} batches of {BATCH} events through RecordEvents, by {CALLERS} callers, all of it on "
        "(identity, validation, tracing, stored answers, outbox and its relay; the services that read the "
        "stream paused), against insert_many of the events, days, members, outbox rows and stored answers "
        "that it wrote, one batch after another, with the same write concern and without indexes; what "
        "either side sends, and the collections, are made beforehand",
        measure=ingest_vs_insert_many,
    ),
    Row(
        "event_to_graph_p99_ms",
        good=500,
        goal=200,
        lower_is_better=True,
        how=f"{PER_SECOND} events a second for {SECONDS} s, three times: from the answer of RecordEvents "
        "until the graph shows the partner points and decision, asked every 10 ms, 99th percentile",
        measure=event_to_graph_p99_ms,
    ),
    Row(
        "up_seconds",
        good=15,
        goal=8,
        lower_is_better=True,
        how="from the start of the supervisor until every process serves, empty data folder, "
        f"median of {STARTS}",
        measure=up_seconds,
    ),
]
