"""Turns of writing: calls that wait share a transaction, and none of them pays for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common.errors import Contention, IdempotencyKeyReused, Overloaded, Unavailable
from libs.common.mongo import Request
from libs.common.together import Ask, Together, WriterQueue

SHOP, RIVAL = "shop", "rival"


def an_ask(name: str, events: int = 1) -> Ask[Any]:
    request = Request(name, "digest", pb.RecordEventsResponse, "music_store", "RecordEvents", name)
    return Ask(request, ["event"] * events, lambda results: pb.RecordEventsResponse())


class Bench:
    """Transactions that take until they are let go, and answer each call with its name."""

    def __init__(self, *, waiting_max: int = 64, at_once: int = 500) -> None:
        self.queue = WriterQueue(waiting_max)
        self.turns: Together[str] = Together(self.queue, self.alone, self.together, at_once=at_once)
        self.worked: list[list[str]] = []
        self.ill: dict[str, Exception] = {}
        self.refused: dict[str, Exception] = {}
        self.go = asyncio.Event()

    async def alone(self, source: str, ask: Ask[Any]) -> str:
        (answer,) = await self.together(source, [ask])
        return str(answer)

    async def together(self, source: str, asks: Sequence[Ask[Any]]) -> list[Any]:
        names = [ask.request.key for ask in asks]
        self.worked.append(names)
        await self.go.wait()
        for name in names:
            if name in self.ill:
                raise self.ill[name]
        return [self.refused.get(name, name) for name in names]

    def call(self, name: str, *, source: str = SHOP, events: int = 1) -> "asyncio.Task[Any]":
        return asyncio.create_task(self.turns.answer(source, an_ask(name, events)))

    async def calls(self, *names: str) -> "list[asyncio.Task[Any]]":
        """Calls of which the first is being worked on and the others wait."""
        found = [self.call(name) for name in names]
        await asyncio.sleep(0.01)
        return found


async def test_calls_that_come_during_a_transaction_share_the_next_one_in_their_order() -> None:
    bench = Bench()
    calls = await bench.calls("a", "b", "c", "d")
    assert bench.worked == [["a", "b", "c", "d"]]
    later = await bench.calls("e", "f")

    bench.go.set()
    answers = await asyncio.gather(*calls, *later)

    assert answers == ["a", "b", "c", "d", "e", "f"]
    assert bench.worked == [["a", "b", "c", "d"], ["e", "f"]]


async def test_a_transaction_has_room_for_so_much() -> None:
    bench = Bench(at_once=10)
    bench.go.set()

    await asyncio.gather(*(bench.call(name, events=size) for name, size in (("a", 6), ("b", 4), ("c", 12))))

    assert bench.worked == [["a", "b"], ["c"]]


async def test_sources_take_turns_and_share_nothing() -> None:
    bench = Bench()
    bench.go.set()

    await asyncio.gather(bench.call("a"), bench.call("x", source=RIVAL), bench.call("b"))

    assert bench.worked == [["a", "b"], ["x"]]


async def test_a_refusal_of_one_is_told_to_no_other() -> None:
    bench = Bench()
    bench.refused["b"] = IdempotencyKeyReused()
    bench.go.set()

    answers = await asyncio.gather(*map(bench.call, "abc"), return_exceptions=True)

    assert answers[::2] == ["a", "c"]
    assert isinstance(answers[1], IdempotencyKeyReused)
    assert bench.worked == [["a", "b", "c"]]


@pytest.mark.parametrize("error", [ValueError(), Contention()], ids=["a defect", "a conflict"])
async def test_what_fails_the_transaction_of_several_fails_only_whom_it_meets_alone(error: Exception) -> None:
    bench = Bench()
    bench.ill["b"] = error
    bench.go.set()

    answers = await asyncio.gather(*map(bench.call, "abc"), return_exceptions=True)

    assert answers == ["a", error, "c"]
    assert bench.worked == [["a", "b", "c"], ["a"], ["b"], ["c"]]


@pytest.mark.parametrize("error", [Unavailable(), TimeoutError()], ids=["an outage", "out of time"])
async def test_an_outage_is_told_to_all_at_once(error: Exception) -> None:
    bench = Bench()
    bench.ill["a"] = error
    bench.go.set()

    answers = await asyncio.gather(*map(bench.call, "abc"), return_exceptions=True)

    assert answers == [error] * 3
    assert bench.worked == [["a", "b", "c"]]


async def test_a_caller_who_gives_up_ends_no_transaction_of_others() -> None:
    bench = Bench()
    first, second, third = await bench.calls("a", "b", "c")

    first.cancel()
    third.cancel()
    await asyncio.sleep(0)
    bench.go.set()

    assert await second == "b"
    assert bench.worked == [["a", "b", "c"]]


async def test_who_gives_up_while_waiting_is_not_worked_on() -> None:
    bench = Bench()
    (first,) = await bench.calls("a")
    second, third = await bench.calls("b", "c")

    second.cancel()
    await asyncio.sleep(0)
    bench.go.set()

    assert list(await asyncio.gather(first, third)) == ["a", "c"]
    assert bench.worked == [["a"], ["c"]]


async def test_so_many_may_wait_and_more_are_refused_until_there_is_room_again() -> None:
    bench = Bench(waiting_max=2)
    (first,) = await bench.calls("a")
    waiting = await bench.calls("b", "c")

    with pytest.raises(Overloaded):
        await bench.call("d")
    waiting[0].cancel()
    await asyncio.sleep(0)
    in_its_place = bench.call("e")
    bench.go.set()

    assert list(await asyncio.gather(first, waiting[1], in_its_place)) == ["a", "c", "e"]


async def test_other_work_of_the_queue_and_calls_wait_for_each_other() -> None:
    bench = Bench()
    bench.go.set()
    async with bench.queue:
        call = bench.call("a")
        await asyncio.sleep(0.01)
        before = list(bench.worked)

    assert await call == "a"
    assert before == []


async def test_after_all_were_answered_the_next_call_is_too() -> None:
    bench = Bench()
    bench.go.set()

    assert [await bench.call(name) for name in "abc"] == ["a", "b", "c"]
    assert bench.worked == [["a"], ["b"], ["c"]]
