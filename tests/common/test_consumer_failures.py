"""Consumers that cannot apply what they read: what passes is waited for, what does not is kept aside."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pymongo.errors import ServerSelectionTimeoutError
from redis.exceptions import ConnectionError as RedisConnectionError

from libs.common import consumer as consumer_module
from libs.common.errors import (
    Contention,
    DeadlineExceeded,
    Overloaded,
    ProgramInvalid,
    Refusal,
    Unavailable,
)
from libs.common.redis import StreamMessage, stream_key
from tests.common.streams_world import STREAM, Effects, Streams, a_member_of, running, until

ANN, BEN, CEM = a_member_of(3), a_member_of(3, 1), a_member_of(7)
KEY = stream_key(STREAM, 3)
Apply = Callable[[int, list[StreamMessage]], Awaitable[None]]


@pytest.fixture
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "ATTEMPTS_MAX", 3)
    monkeypatch.setattr(consumer_module, "OUTAGE_SECONDS", 0.02)
    monkeypatch.setattr(consumer_module, "FAILURE_SECONDS", 0.01)


async def holds(streams: Streams, count: int) -> bool:
    return await streams.pending(3) == count


def failing(effects: Effects, failures: list[Exception]) -> Apply:
    """Fails so often, then applies."""

    async def apply(partition: int, messages: list[StreamMessage]) -> None:
        if failures:
            raise failures.pop(0)
        await effects.apply(partition, messages)

    return apply


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable(),
        Contention(),
        Overloaded(),
        DeadlineExceeded(),
        TimeoutError(),
        ServerSelectionTimeoutError(),
        RedisConnectionError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
@pytest.mark.usefixtures("_in_a_hurry")
async def test_what_passes_is_waited_for_however_long(
    streams: Streams, effects: Effects, failure: Exception
) -> None:
    await streams.tell(**{ANN: 2})
    failures = [failure] * 10

    async with running((await streams.consumer(failing(effects, failures))).run()):
        await until(streams.settled)

    assert not failures
    assert await effects.of(ANN) == [1, 2]
    assert await streams.database.dead_letters.count_documents({}) == 0


@pytest.mark.usefixtures("_in_a_hurry")
async def test_nothing_is_acknowledged_before_it_was_applied(streams: Streams, effects: Effects) -> None:
    await streams.tell(**{ANN: 4})
    down = [Unavailable() for _ in range(1000)]

    async with running((await streams.consumer(failing(effects, down))).run()):  # type: ignore[arg-type]
        await until(lambda: holds(streams, 4))
        await asyncio.sleep(0.2)
        still_pending = await streams.pending(3)
        down.clear()
        await until(streams.settled)

    assert still_pending == 4
    assert await effects.of(ANN) == [1, 2, 3, 4]


def poisoned(effects: Effects, error: Exception) -> Apply:
    """Cannot apply what concerns Ben."""

    async def apply(partition: int, messages: list[StreamMessage]) -> None:
        if any(message.subject == BEN for message in messages):
            raise error
        await effects.apply(partition, messages)

    return apply


@pytest.mark.parametrize("error", [ValueError("no number"), ProgramInvalid()], ids=["a defect", "a refusal"])
@pytest.mark.usefixtures("_in_a_hurry")
async def test_a_message_that_never_succeeds_is_kept_aside_and_the_others_are_applied(
    streams: Streams, effects: Effects, error: Exception
) -> None:
    await streams.tell(**{ANN: 2, BEN: 1, CEM: 1})
    await streams.tell(**{ANN: 2})

    async with running((await streams.consumer(poisoned(effects, error))).run()):
        await until(streams.settled)

    (letter,) = await streams.database.dead_letters.find().to_list(None)
    assert (letter["stream"], letter["type"], letter["subject"]) == (STREAM, "Fact", BEN)
    assert letter["payload"]
    assert type(error).__name__ in letter["error"]
    assert await effects.of(ANN) == [1, 2, 3, 4]
    assert await effects.of(BEN) == []
    assert await effects.of(CEM) == [1]


@pytest.mark.usefixtures("_in_a_hurry")
async def test_a_restart_that_brings_the_repair_applies_what_was_kept_aside(
    streams: Streams, effects: Effects
) -> None:
    await streams.tell(**{BEN: 1})
    async with running((await streams.consumer(poisoned(effects, ValueError("no number")))).run()):
        await until(streams.settled)
    kept_aside = await streams.database.dead_letters.count_documents({})

    async with running((await streams.consumer(effects.apply)).run()):
        await until(lambda: forgotten(streams))

    assert kept_aside == 1
    assert await effects.of(BEN) == [1]


async def forgotten(streams: Streams) -> bool:
    return await streams.database.dead_letters.count_documents({}) == 0


async def test_an_entry_that_is_none_of_ours_is_passed_over(streams: Streams, effects: Effects) -> None:
    await streams.redis.xadd(KEY, {"hello": "world"})
    await streams.tell(**{ANN: 1})

    async with running((await streams.consumer(effects.apply)).run()):
        await until(streams.settled)

    assert await effects.of(ANN) == [1]


async def test_a_partition_that_fails_does_not_hold_up_the_others(
    streams: Streams, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "FAILURE_SECONDS", 10)
    async with running((await streams.consumer(poisoned(effects, ValueError()))).run()):
        await streams.tell(**{BEN: 1})
        await until(lambda: holds(streams, 1))
        await streams.tell(**{CEM: 5})

        await until(lambda: effects.reached(CEM, 5), seconds=5)

        assert await streams.pending(3) == 1


@pytest.mark.parametrize("error", [Unavailable(), ValueError()], ids=["what passes", "a defect"])
async def test_what_was_applied_with_a_partition_that_fails_is_applied_by_itself(
    streams: Streams, effects: Effects, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "OUTAGE_SECONDS", 0.05)
    monkeypatch.setattr(consumer_module, "FAILURE_SECONDS", 0.05)
    await streams.tell(**{BEN: 1, CEM: 5})

    async with running((await streams.consumer(poisoned(effects, error))).run()):
        await until(lambda: effects.reached(CEM, 5), seconds=5)
        await streams.tell(**{CEM: 5})
        await until(lambda: effects.reached(CEM, 10), seconds=5)

        assert await streams.pending(3) == 1


@pytest.mark.usefixtures("_in_a_hurry")
async def test_an_outage_while_messages_are_sorted_out_keeps_a_dead_letter_once(
    streams: Streams, effects: Effects
) -> None:
    await streams.tell(**{BEN: 1, ANN: 1})
    outages = [Unavailable()] * 3
    ill = poisoned(effects, ValueError())

    async def apply(partition: int, messages: list[StreamMessage]) -> None:
        if outages and [message.subject for message in messages] == [ANN]:
            raise outages.pop()
        await ill(partition, messages)

    async with running((await streams.consumer(apply)).run()):
        await until(streams.settled)

    assert not outages
    assert await streams.database.dead_letters.count_documents({}) == 1
    assert await effects.of(ANN) == [1]


@pytest.mark.usefixtures("_in_a_hurry")
async def test_after_a_success_failures_are_counted_anew(streams: Streams, effects: Effects) -> None:
    failures: list[Exception] = []
    async with running((await streams.consumer(failing(effects, failures))).run()):
        for seq in range(1, 5):
            failures += [ValueError(), ValueError()]
            await streams.tell(**{ANN: 1})
            await until(lambda seq=seq: effects.reached(ANN, seq))  # type: ignore[misc]

    assert await streams.database.dead_letters.count_documents({}) == 0


def test_the_refusals_that_pass_are_those_that_say_when_to_come_again_or_ran_out_of_time() -> None:
    passing = [each for each in Refusal.__subclasses__() if each.kind in consumer_module.PASSING]

    assert {each.__name__ for each in passing if each.__module__ == "libs.common.errors"} == {
        "Contention",
        "DeadlineExceeded",
        "Overloaded",
        "RequestInFlight",
        "Unavailable",
        "WatcherTooSlow",
    }
