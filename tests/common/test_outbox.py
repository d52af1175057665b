"""The outbox: everything that was stored is sent, in order, whatever dies or forgets in between."""

import asyncio
import time
from contextlib import AsyncExitStack, nullcontext
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from libs.common import outbox
from libs.common.clock import now
from libs.common.mongo import transaction
from libs.common.outbox import OutboxRelay
from libs.common.redis import PARTITIONS, partition_of, stream_key
from tests.common.streams_world import (
    STREAM,
    Effects,
    Streams,
    a_member_of,
    running,
    until,
)

ANN, BEN, CEM = a_member_of(3), a_member_of(3, 1), a_member_of(7)


# Sending


async def test_rows_are_sent_in_order_to_the_partition_of_their_member_and_their_parcels_marked(
    streams: Streams,
) -> None:
    relay = await streams.relay()
    for _ in range(3):
        for member in (ANN, BEN, CEM):
            await streams.announce(member, 2)

    sent = await relay.send_once()

    assert sent == 18
    assert [await streams.sent_of(member) for member in (ANN, BEN, CEM)] == [[1, 2, 3, 4, 5, 6]] * 3
    assert await streams.redis.xlen(stream_key(STREAM, 3)) == 12
    heads = await streams.database.outbox.find({"following": {"$exists": True}}).to_list(None)
    assert len(heads) == 9
    assert all("unsent" not in row and row["sent_time"] and row["entry_id"] for row in heads)


async def test_an_entry_says_what_it_is_and_whom_it_is_about(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN)

    await relay.send_once()

    entries: Any = await streams.redis.xrange(stream_key(STREAM, 3))
    ((_, fields),) = entries
    stored = await streams.database.outbox.find_one()
    assert stored is not None
    assert fields == {b"type": b"Fact", b"subject": ANN.encode(), b"payload": stored["payload"]}


async def test_many_rows_are_sent_a_sweep_at_a_time(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SWEEP_ROWS", 10)
    relay = await streams.relay()
    for _ in range(5):
        await streams.announce(ANN, 5)

    assert [await relay.send_once() for _ in range(4)] == [10, 10, 5, 0]
    assert await streams.sent_of(ANN) == list(range(1, 26))


async def test_what_an_aborted_transaction_announced_is_never_sent(streams: Streams) -> None:
    relay = await streams.relay()

    async def work(session: Any) -> None:
        row = {
            "_id": "out_1",
            "partition": 3,
            "subject": ANN,
            "change_seq": 1,
            "type": "Fact",
            "unsent": True,
        }
        await streams.database.outbox.insert_one(row, session=session)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await transaction(streams.database.client, work)

    assert await relay.send_once() == 0


async def test_a_crash_between_sending_and_marking_sends_twice_and_has_one_effect(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 5)

    async def crash(*_: object) -> None:
        raise AutoReconnect("killed")

    with monkeypatch.context() as patched:
        patched.setattr(relay, "_mark", crash)
        with pytest.raises(AutoReconnect):
            await relay.send_once()
    assert await streams.unsent() == 5
    await relay.send_once()

    effects = Effects(streams)
    async with running((await streams.consumer(effects.apply)).run()):
        await until(lambda: effects.reached(ANN, 5))
    assert await streams.sent_of(ANN) == [1, 2, 3, 4, 5] * 2
    assert await effects.of(ANN) == [1, 2, 3, 4, 5]
    assert await streams.unsent() == 0


# Waking


async def test_a_stored_row_is_sent_at_once_and_not_at_the_next_sweep(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SWEEP_SECONDS", 30)
    relay = await streams.relay()

    async def sent(count: int) -> bool:
        return len(await streams.sent()) == count

    async with running(relay.run()):
        await asyncio.sleep(0.1)
        latencies = []
        for number in range(5):
            await streams.announce(ANN)
            started = time.monotonic()
            await until(lambda number=number: sent(number + 1))  # type: ignore[misc]
            latencies.append(time.monotonic() - started)

    assert max(latencies) < 2


async def test_what_is_stored_during_a_sweep_wakes_the_next_one(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SWEEP_SECONDS", 30)
    relay = await streams.relay()
    mark = relay._mark

    async def slow(*arguments: Any) -> None:
        if not streams.positions[CEM]:
            await streams.announce(CEM)
            await asyncio.sleep(0.3)
        await mark(*arguments)

    monkeypatch.setattr(relay, "_mark", slow)
    async with running(relay.run()):
        await asyncio.sleep(0.5)
        await streams.announce(ANN)

        await until(streams.all_sent, seconds=3)


async def test_what_another_replica_stores_is_sent_at_once(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SWEEP_SECONDS", 30)
    relay = await streams.relay()
    leases = await streams.leases(outbox.RELAY, group=f"{STREAM}/relay", holder="another")
    other = OutboxRelay(
        streams.database, streams.redis, leases, stream=STREAM, groups=(), unread_max=10, now=now
    )
    assert not leases.held()
    async with AsyncExitStack() as replicas:
        with monkeypatch.context() as patched:
            patched.setattr(outbox, "told_of_commits", nullcontext)
            await replicas.enter_async_context(running(relay.run()))
            await asyncio.sleep(0)  # it has begun, and is told of no commit of this process
        await replicas.enter_async_context(running(other.run()))
        await until(lambda: listened_to(streams, 2))
        await streams.announce(ANN, 3)

        await until(streams.all_sent, seconds=5)


async def listened_to(streams: Streams, count: int) -> bool:
    ((_, listeners),) = await streams.redis.pubsub_numsub(f"{STREAM}.wake")
    return bool(listeners == count)


async def test_the_sweep_alone_sends_everything_where_no_change_is_told(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = await streams.relay()
    monkeypatch.setattr(outbox, "told_of_commits", nullcontext)
    async with running(relay.run()):
        await streams.announce(ANN, 3)

        await until(streams.all_sent, seconds=3)


async def test_a_replica_without_the_lease_sends_nothing(streams: Streams) -> None:
    leases = await streams.leases(outbox.RELAY, group=f"{STREAM}/relay", holder="another")
    assert leases.held()
    idle = await streams.relay()
    await streams.announce(ANN)

    async with running(idle.run()):
        await asyncio.sleep(0.8)

    assert await streams.unsent() == 1


def test_a_members_partition_is_the_same_for_ever() -> None:
    assert [partition_of(name) for name in ("mem_1", "mem_2", "mem_3")] == [2, 8, 14]
    assert PARTITIONS == 16
