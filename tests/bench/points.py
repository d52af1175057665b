"""Rows of points: what posting them costs above writing them, and how long a till waits."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from laurel.benefits.v1 import points_pb2, tills_pb2
from libs.cli import pipeline
from libs.cli.clients import Clients, connected, signer
from libs.common.clock import now
from libs.common.ids import new_id
from tests.bench.by_hand import Client, Document, counts, mongo, part, written
from tests.bench.measure import ROUNDS, Measured
from tests.bench.platforms import BATCH, Shop, shop
from tests.bench.rows import Row

CALLERS, CALLS_EACH = 16, 25
CALLS = CALLERS * CALLS_EACH
POINTS = 10
POSTED = (
    "idempotency",
    "day_counts",
    "accounts",
    "transactions",
    "entries",
    "lots",
    "adjustments",
    "member_changes",
    "outbox",
    "audit",
)
# Documents that are there already, and how many of each a call changes.
CHANGED = {"day_counts": 1, "accounts": 2, "member_changes": 1}
PER_SECOND, SECONDS, TILL_ROUNDS = 50, 20, 3
# A cashier does one thing after another.
STEP_SECONDS = 1.0
BASKET_MINOR, RESERVED = 5_000, 2


async def accrual_vs_by_hand(folder: Path) -> Measured:
    """Points given through AdjustPoints, against transactions by hand that write the same documents."""
    async with shop(folder) as world, _desks(world) as desks:
        with mongo(world.run) as client, world.paused("members", "risk"):
            ratios = []
            for number in range(ROUNDS + 1):  # the first warms up
                before = counts(client["laurel_benefits"], POSTED)
                started = time.perf_counter()
                await asyncio.gather(*(_given(world, *each) for each in enumerate(desks)))
                ours = time.perf_counter() - started
                documents = _documents(client, before, number)
                with world.paused("benefits"):
                    by_hand = await asyncio.to_thread(_by_hand, client, documents, number)
                ratios.append(by_hand / ours)
        return Measured.of(ratios[1:])


@asynccontextmanager
async def _desks(world: Shop) -> AsyncIterator[Sequence[Clients]]:
    """As many of the staff, each with a connection."""
    async with AsyncExitStack() as connections:
        desks = []
        for number in range(CALLERS):
            token = signer(world.run).token(
                f"desk-{number}",
                "staff",
                now=now(),
                ttl=timedelta(hours=1),
                program_id=world.program_id,
                roles=["operations_manager"],
            )
            desks.append(await connections.enter_async_context(connected(world.run, token)))
        yield desks


async def _given(world: Shop, number: int, desk: Clients) -> None:
    """One of the staff gives points to one member after another."""
    first = number * CALLS_EACH
    for place in range(first, first + CALLS_EACH):
        request = points_pb2.AdjustPointsRequest(
            program_id=world.program_id,
            request_id=new_id("req"),
            member_id=world.members[place % len(world.members)],
            points=POINTS,
            reason="goodwill",
        )
        answer = await desk.points.AdjustPoints(request)
        assert answer.adjustment.state == points_pb2.ADJUSTMENT_STATE_APPLIED


def _documents(client: Client, before: Mapping[str, int], number: int) -> dict[str, list[Document]]:
    """What the calls of a round have written, as many documents as they did."""
    changed = {name: count * CALLS for name, count in CHANGED.items()}
    documents = written(client["laurel_benefits"], before, changed, number)
    per_call = dict.fromkeys(POSTED, 1) | CHANGED | {"entries": 2}
    assert {name: len(found) for name, found in documents.items()} == {
        name: count * CALLS for name, count in per_call.items()
    }
    return documents


def _by_hand(client: Client, documents: Mapping[str, list[Document]], number: int) -> float:
    """Seconds for the same documents, a transaction for each call, by as many callers at once."""
    target = client[f"bench_{number}"]
    for name in documents:
        target.create_collection(name)

    def transaction(call: int) -> None:
        while True:
            try:
                with client.start_session() as session, session.start_transaction(ReadConcern("snapshot")):
                    for name, found in documents.items():
                        target[name].insert_many(part(found, call, CALLS), session=session)
                return
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError"):
                    raise

    async def callers() -> None:
        async def caller(first: int) -> None:
            for call in range(first, CALLS, CALLERS):
                await asyncio.to_thread(transaction, call)

        await asyncio.gather(*(caller(number) for number in range(CALLERS)))

    started = time.perf_counter()
    asyncio.run(callers())
    took = time.perf_counter() - started
    client.drop_database(target.name)
    return took


async def till_p99_ms(folder: Path) -> Measured:
    """Milliseconds until a till has its answer, at a steady rate of calls."""
    async with shop(folder) as world:
        for first in range(0, len(world.members), BATCH):
            await world.recorded(world.purchases(world.members[first : first + BATCH]))
        await pipeline.drained(world.staff)
        await _till(world, 0, 1)  # connects, and fills caches
        return Measured.of([await _till(world, number, SECONDS) for number in range(1, TILL_ROUNDS + 1)])


async def _till(world: Shop, number: int, seconds: int) -> float:
    """The time within which 99 of 100 calls are answered, each counted from when it was due."""
    checks = PER_SECOND * seconds // 3
    begin = time.perf_counter() + 0.1
    took: list[float] = []

    async def call(due: float, made: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await made()
        took.append(time.perf_counter() - due)

    async def check(place: int) -> None:
        member = world.members[(number * checks + place) % len(world.members)]
        steps = _steps(world, member, new_id("chk"))
        for step, made in enumerate(steps):
            await call(begin + (3 * place + step) / PER_SECOND + step * STEP_SECONDS, made)

    await asyncio.gather(*(check(place) for place in range(checks)))
    return sorted(took)[-(-len(took) * 99 // 100) - 1] * 1000


def _steps(world: Shop, member: str, check_ref: str) -> Sequence[Callable[[], Awaitable[None]]]:
    """What a till does about a check, one after another."""
    tills, program_id = world.partner.tills, world.program_id

    async def quoted() -> None:
        line = tills_pb2.CheckLine(ref="1", amount_minor=BASKET_MINOR)
        answer = await tills.Quote(
            tills_pb2.QuoteRequest(program_id=program_id, member_id=member, lines=[line])
        )
        assert answer.redeemable_points >= RESERVED

    async def reserved() -> None:
        request = tills_pb2.ReserveRequest(
            program_id=program_id,
            request_id=new_id("req"),
            member_id=member,
            check_ref=check_ref,
            points=RESERVED,
        )
        assert (await tills.Reserve(request)).hold.state == tills_pb2.HOLD_STATE_OPEN

    async def captured() -> None:
        request = tills_pb2.CaptureRequest(
            program_id=program_id, request_id=new_id("req"), check_ref=check_ref
        )
        answer = await tills.Capture(request)
        assert answer.hold.state == tills_pb2.HOLD_STATE_CAPTURED

    return quoted, reserved, captured


ROWS = [
    Row(
        "accrual_vs_by_hand",
        good=0.5,
        goal=0.9,
        lower_is_better=False,
        how=f"{CALLERS} of the staff give points, {CALLS_EACH} times each, through AdjustPoints, all of it "
        "on (ledger, day's limit, audit, stored answer, outbox and its relay; consumers paused), against the "
        "documents that it wrote, by hand in one transaction a call by as many callers, with the same write "
        "concern and without indexes",
        measure=accrual_vs_by_hand,
    ),
    Row(
        "till_p99_ms",
        good=250,
        goal=100,
        lower_is_better=True,
        how=f"Quote, Reserve and Capture of checks at a steady {PER_SECOND} calls a second for {SECONDS} s, "
        f"{TILL_ROUNDS} times, everything on: from when a call was due until it is answered, 99th percentile",
        measure=till_p99_ms,
    ),
]
