"""What Valkey forgets is sent again, and what everybody has read is dropped from it."""

from collections.abc import Callable
from typing import Any

import pytest

from laurel.common.v1 import fact_pb2
from libs.common.clock import now
from libs.common.outbox import outbox_row
from libs.common.redis import READER, stream_key
from libs.common.sending import Sending
from tests.common.streams_world import (
    GROUP,
    STREAM,
    Streams,
    a_member_of,
    running,
    until,
)

ANN, BEN, CEM = a_member_of(3), a_member_of(3, 1), a_member_of(7)


Forget = Callable[[Streams], Any]


async def flushed(streams: Streams) -> None:
    await streams.redis.flushdb()


async def one_partition_lost(streams: Streams) -> None:
    """As after a restart from an older file: the run is another one, and entries are missing."""
    await streams.redis.delete(stream_key(STREAM, 3))
    await streams.redis.set(f"{STREAM}.run", "another run")


@pytest.mark.parametrize("forget", [flushed, one_partition_lost])
async def test_what_valkey_has_forgotten_is_sent_again_before_anything_new(
    streams: Streams, forget: Forget
) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 20)
    await streams.announce(CEM, 5)
    await streams.send_all(relay)

    await forget(streams)
    await streams.announce(ANN)
    await streams.send_all(relay)

    assert await streams.sent_of(ANN) == list(range(1, 22))
    assert await streams.sent_of(CEM) == list(range(1, 6))


async def test_what_was_forgotten_is_sent_again_though_nothing_new_is_announced(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 3)
    await streams.send_all(relay)
    await flushed(streams)

    async def are_back() -> bool:
        return await streams.sent_of(ANN) == [1, 2, 3]

    async with running(relay.run()):
        await until(are_back, seconds=5)


async def test_resend_what_was_lost_says_how_many_parcels_it_was(streams: Streams) -> None:
    relay = await streams.relay()
    for _ in range(3):
        await streams.announce(ANN, 2)
    await streams.announce(CEM, 2)
    await streams.send_all(relay)

    await streams.redis.delete(stream_key(STREAM, 3))

    assert await relay.resend_what_was_lost() == 3
    assert await relay.resend_what_was_lost() == 0


async def test_a_restart_that_lost_nothing_sends_nothing_again(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 3)
    await streams.send_all(relay)

    await streams.redis.set(f"{STREAM}.run", "another run")
    await streams.send_all(relay)

    assert await streams.sent_of(ANN) == [1, 2, 3]


async def test_a_flush_while_it_is_looked_for_what_was_lost_loses_nothing(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 3)
    await streams.send_all(relay)
    sending = Sending(streams.redis, STREAM)
    look = await sending.look()
    await streams.redis.flushdb()

    await sending.know(look)
    await streams.announce(ANN)
    await streams.send_all(relay)

    assert await streams.sent_of(ANN) == [1, 2, 3, 4]


async def test_a_server_that_is_not_known_is_sent_nothing(streams: Streams) -> None:
    sending = Sending(streams.redis, STREAM)
    row = outbox_row(fact_pb2.Fact(), member_id=ANN, change_seq=1, now=now())

    assert await sending.send([row]) is None
    await sending.know(await sending.look())
    sent = await sending.send([row])

    assert sent is not None
    assert list(sent) == [3]
    assert await streams.redis.xlen(stream_key(STREAM, 3)) == 1


# Trimming and holding back


async def a_reader(streams: Streams, group: str, *, read: int, acknowledged: int) -> None:
    key = stream_key(STREAM, 3)
    await streams.redis.xgroup_create(key, group, id="0", mkstream=True)
    if read:
        answer: Any = await streams.redis.xreadgroup(group, READER, {key: ">"}, count=read)
        ((_, entries),) = answer
        await streams.redis.xack(key, group, *(entry_id for entry_id, _ in entries[:acknowledged]))


async def test_what_a_group_has_not_acknowledged_is_kept(streams: Streams) -> None:
    relay = await streams.relay("fast", "slow")
    await streams.announce(ANN, 1000)
    await streams.send_all(relay)
    await a_reader(streams, "fast", read=1000, acknowledged=1000)
    await a_reader(streams, "slow", read=600, acknowledged=500)

    await relay._upkeep.trim()

    left = await streams.sent_of(ANN)
    assert left[-1] == 1000
    assert 350 < left[0] <= 501


async def test_nothing_is_dropped_before_every_group_is_there(streams: Streams) -> None:
    relay = await streams.relay("fast", "slow")
    await streams.announce(ANN, 500)
    await streams.send_all(relay)
    await a_reader(streams, "fast", read=500, acknowledged=500)

    await relay._upkeep.trim()

    assert len(await streams.sent_of(ANN)) == 500


async def test_of_a_stream_that_nobody_reads_the_newest_entries_are_kept(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN, 1500)
    await streams.send_all(relay)

    await relay._upkeep.trim()

    left = await streams.sent_of(ANN)
    assert 1000 <= len(left) <= 1200
    assert left[-1] == 1500


async def test_a_partition_that_is_not_being_read_is_held_back_and_the_others_go_on(
    streams: Streams,
) -> None:
    streams.unread_max = 10
    relay = await streams.relay(GROUP)
    await a_reader(streams, GROUP, read=0, acknowledged=0)
    await streams.announce(ANN, 11)
    await relay.send_once()
    await relay._upkeep.trim()

    await streams.announce(ANN)
    await streams.announce(CEM)
    await relay.send_once()
    assert await streams.sent_of(ANN) == list(range(1, 12))
    assert await streams.sent_of(CEM) == [1]

    await streams.redis.xreadgroup(GROUP, READER, {stream_key(STREAM, 3): ">"}, noack=True)
    await relay._upkeep.trim()
    await relay.send_once()
    assert await streams.unsent() == 0
