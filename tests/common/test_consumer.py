"""Consumers: everything is applied once and in sequence, and nothing is acknowledged before."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.cli.ports import Ports
from libs.common import consumer as consumer_module
from libs.common.consumer import due
from libs.common.mongo import Database
from libs.common.redis import READER, StreamMessage, connect_redis, stream_key
from tests.common.streams_world import GROUP, STREAM, Effects, Streams, a_member_of, running, until
from tests.support.platform import running_valkey

ANN, BEN, CEM = a_member_of(3), a_member_of(3, 1), a_member_of(7)
KEY = stream_key(STREAM, 3)
Apply = Callable[[int, list[StreamMessage]], Awaitable[None]]


# What is due


@given(
    st.integers(0, 30),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_what_is_due_follows_without_a_gap_whatever_comes_in_whatever_order(
    applied: int, told: list[int]
) -> None:
    following, missing = due(applied, [(seq, f"event {seq}") for seq in told])

    reached = applied + len(following)
    assert following == [(seq, f"event {seq}") for seq in range(applied + 1, reached + 1)]
    assert set(range(applied + 1, reached + 1)) <= set(told)
    later = [seq for seq in told if seq > reached]
    assert reached + 1 not in told
    assert missing == (reached + 1 if later else None)


@given(st.permutations(list(range(1, 12)) * 2), st.integers(1, 7))
def test_every_event_is_due_once_however_the_stream_is_cut_and_repeated(told: list[int], size: int) -> None:
    applied, done = 0, []
    held: list[tuple[int, int]] = []
    for start in range(0, len(told), size):
        held += [(seq, seq) for seq in told[start : start + size]]
        following, _ = due(applied, held)
        done += [seq for seq, _ in following]
        applied += len(following)

    assert done == list(range(1, 12))


def test_what_was_applied_before_is_not_due() -> None:
    assert due(5, [(3, "c"), (5, "e")]) == ([], None)


def test_a_gap_names_the_first_that_is_missing() -> None:
    assert due(5, [(6, "f"), (9, "i"), (8, "h")]) == ([(6, "f")], 7)


# Reading


async def test_what_is_on_the_stream_before_there_is_a_group_is_not_lost(
    streams: Streams, effects: Effects
) -> None:
    await streams.tell(**{ANN: 5, CEM: 2})

    async with running((await streams.consumer(effects.apply)).run()):
        await until(streams.settled)
        await until(lambda: streams.settled(7))

    assert await effects.of(ANN) == [1, 2, 3, 4, 5]
    assert await effects.of(CEM) == [1, 2]


async def test_more_than_one_read_holds_stays_in_order(
    streams: Streams, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "READ_ENTRIES", 7)
    await streams.tell(**{ANN: 50})

    async with running((await streams.consumer(effects.apply)).run()):
        await until(streams.settled)

    assert await effects.of(ANN) == list(range(1, 51))
    assert max(map(len, effects.batches)) == 7


async def test_few_messages_of_many_partitions_are_applied_at_once_and_many_in_lanes(
    streams: Streams, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {a_member_of(partition): 3 for partition in range(8)}
    await streams.tell(**members)
    consumer = await streams.consumer(effects.apply)
    async with running(consumer.run()):
        await until(lambda: streams.settled(7))
    few = [len(batch) for batch in effects.batches]
    effects.batches.clear()

    monkeypatch.setattr(consumer_module, "LANE_MESSAGES", 4)
    await streams.tell(**members)
    await consumer.consume_once()

    assert few == [24]
    assert [len(batch) for batch in effects.batches] == [6, 6, 6, 6]
    for member in members:
        assert await effects.of(member) == [1, 2, 3, 4, 5, 6]


async def test_only_partitions_whose_lease_is_held_are_read(streams: Streams, effects: Effects) -> None:
    await streams.tell(**{ANN: 1, CEM: 1})

    async with running((await streams.consumer(effects.apply, partitions=range(7, 8))).run()):
        await until(lambda: streams.settled(7))

    assert (await effects.of(ANN), await effects.of(CEM)) == ([], [1])


async def test_a_group_that_was_lost_with_the_stream_is_made_again_and_nothing_is_lost(
    streams: Streams, effects: Effects
) -> None:
    relay = await streams.relay(GROUP)
    async with running((await streams.consumer(effects.apply)).run(), relay.run()):
        await streams.announce(ANN, 5)
        await until(streams.settled)
        await streams.redis.flushdb()
        await streams.announce(ANN, 5)

        await until(lambda: effects.reached(ANN, 10))

    assert await effects.of(ANN) == list(range(1, 11))


async def test_two_readers_of_one_partition_at_once_have_one_effect(
    streams: Streams, effects: Effects
) -> None:
    one, other = [await streams.consumer(effects.apply) for _ in range(2)]
    async with running(one.run(), other.run()):
        for _ in range(10):
            await streams.tell(**{ANN: 10})
        await until(streams.settled)

    assert await effects.of(ANN) == list(range(1, 101))


async def test_what_a_dead_reader_had_read_is_taken_over(streams: Streams, effects: Effects) -> None:
    await streams.tell(**{ANN: 3})
    await streams.redis.xgroup_create(KEY, GROUP, id="0")
    await streams.redis.xreadgroup(GROUP, READER, {KEY: ">"})
    assert await streams.pending(3) == 3

    async with running((await streams.consumer(effects.apply)).run()):
        await until(streams.settled)

    assert await effects.of(ANN) == [1, 2, 3]


async def test_a_reader_that_dies_after_the_effect_and_before_the_acknowledgement_has_one_effect(
    streams: Streams, effects: Effects
) -> None:
    await streams.tell(**{ANN: 3})
    applied = asyncio.Event()

    async def then_dies(partition: int, messages: list[StreamMessage]) -> None:
        await effects.apply(partition, messages)
        applied.set()
        await asyncio.Event().wait()

    async with running((await streams.consumer(then_dies)).run()):
        await applied.wait()
    assert await streams.pending(3) == 3

    async with running((await streams.consumer(effects.apply)).run()):
        await until(streams.settled)
    assert await effects.of(ANN) == [1, 2, 3]


async def test_a_consumer_and_a_relay_that_are_asked_to_end_do_so_at_any_moment(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their client loses some cancellations, so many are tried while both are busy."""
    monkeypatch.setattr("libs.common.upkeep.UPKEEP_SECONDS", 0.1)

    async def apply(partition: int, messages: list[StreamMessage]) -> None:
        await streams.redis.ping()

    for number in range(15):
        relay, consumer = await streams.relay(GROUP), await streams.consumer(apply)
        await streams.announce(ANN, 20)
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(consumer.run())]
        await asyncio.sleep(0.02 + number / 1000)
        for task in tasks:
            task.cancel()

        _, running_on = await asyncio.wait(tasks, timeout=5)

        assert not running_on


# Valkey


async def test_a_valkey_that_comes_back_without_its_data_costs_nothing(
    database: Database, tmp_path: Path
) -> None:
    with Ports() as ports:
        port = ports.any()
        with running_valkey(tmp_path, port) as url:
            redis = connect_redis(url)
            streams = Streams(database, redis)
            effects = Effects(streams)
            counts = Counter({ANN: 0, BEN: 0, CEM: 0})
            relay, consumer = await streams.relay(GROUP), await streams.consumer(effects.apply)
            stack = running(relay.run(), consumer.run())
            await stack.__aenter__()
            for member in counts:
                await streams.announce(member, 5)
            await until(lambda: effects.reached(ANN, 5))
            # Sent, and read by nobody.
            await streams.announce(a_member_of(9), 5)
        shutil.rmtree(tmp_path / "valkey")
        for member in counts:
            await streams.announce(member, 5)

        with running_valkey(tmp_path, port):
            for member in counts:
                await until(lambda member=member: effects.reached(member, 10), seconds=20)  # type: ignore[misc]
            await until(lambda: effects.reached(a_member_of(9), 5))
            await stack.__aexit__(None, None, None)
            await redis.aclose()

    assert [await effects.of(member) for member in counts] == [list(range(1, 11))] * 3
