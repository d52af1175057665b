"""Several principals ask for each other's members in the same calls: each hears what they alone may hear."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from libs.common.errors import DeadlineExceeded
from libs.common.rpc.shared import answering, reads
from libs.common.rpc.shared.asks import Run
from libs.common.rpc.shared.assembling import Answered
from services.gateway.shared import sharer
from tests.gateway.shared_world import FACTS, KEYS, MEMBERS, NAMES, Ask, SharedWorld, shared_world
from tests.support.services import Keys

ROUNDS, ASKS = 12, 60


@pytest.fixture
async def world(keys_of_services: Keys) -> AsyncIterator[SharedWorld]:
    async with shared_world(keys_of_services) as world:
        yield world


def an_ask(dice: random.Random, world: SharedWorld) -> Ask:
    read = dice.choice([MEMBERS, FACTS])
    names = dice.choice(NAMES) if read is FACTS else ()
    keys = [dice.choice(KEYS) for _ in range(dice.randint(1, 4))]
    return Ask(dice.choice(sorted(world.principals)), read.field, keys, names)


async def interleaved(world: SharedWorld, seed: int) -> None:
    """Rounds in which everybody asks at once, some go away, and the service forgets whom it knows."""
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        asks = [an_ask(dice, world) for _ in range(ASKS)]
        impatient = [dice.random() < 0.15 for _ in asks]
        tasks = []
        for ask, is_impatient in zip(asks, impatient, strict=True):
            tasks.append(asyncio.create_task(world.hears(ask, seconds=0.002 if is_impatient else 60.0)))
            if dice.random() < 0.1:
                await asyncio.sleep(dice.random() / 500)
            if dice.random() < 0.1:
                world.forget()
        gone = [task for task in tasks if dice.random() < 0.1]
        for task in gone:
            await asyncio.sleep(0)
            task.cancel()
        heard = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=120)
        for ask, task, is_impatient, each in zip(asks, tasks, impatient, heard, strict=True):
            if isinstance(each, asyncio.CancelledError):
                assert task in gone
            elif isinstance(each, DeadlineExceeded):
                assert is_impatient
            else:
                assert each == world.must_hear(ask), ask


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("calls_max", [1, 2])
async def test_nobody_hears_what_is_not_theirs_and_everybody_what_is(
    keys_of_services: Keys, seed: int, calls_max: int
) -> None:
    async with shared_world(keys_of_services, calls_max=calls_max) as world:
        await interleaved(world, seed)

        assert not world.sharer._waiting
        assert world.sharer._waiting.keys_count == 0
        assert len({method for method, _ in world.served.read}) == 2


async def test_a_key_is_read_once_for_all_who_ask(world: SharedWorld) -> None:
    world.served.waits = asyncio.Event()
    asks = [Ask(who, MEMBERS.field, KEYS) for who in sorted(world.good - {"eve", "an officer elsewhere"})]
    first = asyncio.create_task(world.hears(Ask("an officer", MEMBERS.field, KEYS)))
    while not world.served.read:
        await asyncio.sleep(0.01)

    others = [asyncio.create_task(world.hears(each)) for each in asks]
    await asyncio.sleep(0.01)
    world.served.waits.set()
    heard = await asyncio.gather(first, *others)

    assert heard[1:] == [world.must_hear(each) for each in asks]
    assert world.served.read == [("BatchGetMembers", len(KEYS))] * 2


# What must be noticed: each of these is off by one, or forgets one thing.


def lengths(request_of: Callable[..., Any]) -> Callable[..., Any]:
    """A key of the first run counts as the second's."""

    def planted(*args: Any) -> Any:
        request = request_of(*args)
        run_length = request.asks.run_length
        if len(run_length) > 1 and run_length[0] > 1:
            run_length[:] = [run_length[0] - 1, run_length[1] + 1, *run_length[2:]]
        return request

    return planted


def callers(request_of: Callable[..., Any]) -> Callable[..., Any]:
    """Each run is the caller's before."""

    def planted(*args: Any) -> Any:
        request = request_of(*args)
        run_caller = request.asks.run_caller
        run_caller[:] = [*run_caller[1:], run_caller[0]]
        return request

    return planted


def starts(runs_of: Callable[..., list[Run]]) -> Callable[..., list[Run]]:
    """Runs begin a key late."""

    def planted(request: Any) -> list[Run]:
        runs, start = [], 0
        for run in runs_of(request):
            keys = [*request.keys, *request.keys][start + 1 : start + 1 + len(run.keys)]
            runs.append(Run(run.place, run.caller, run.want, run.arguments, keys))
            start += len(run.keys)
        return runs

    return planted


def settled(values_of: Callable[..., Any]) -> Callable[..., Any]:
    """Runs get what the run before them was to get."""

    def planted(messages: Any, runs: Any, answer: Any) -> Any:
        found = list(values_of(messages, runs, answer))
        for (run, bit, values), (_, other, before) in zip(found, [*found[1:], found[0]], strict=True):
            alike = values is not None and before is not None and bit == other and len(values) == len(before)
            yield run, bit, before if alike else values

    return planted


def places(assemble: Callable[..., None]) -> Callable[..., None]:
    """Items are the ones before."""

    def planted(answer: Any, runs: Any, masked: Any) -> None:
        assemble(answer, runs, masked)
        count = len(answer.items)
        results = list(answer.results) or list(range(count))
        answer.results[:] = [(each - 1) % count if each >= 0 else each for each in results]

    return planted


def unmasked(assemble: Callable[..., None]) -> Callable[..., None]:
    """What one sees whole is shown to all."""

    def planted(answer: Any, runs: Any, masked: Any) -> None:
        whole = [
            Answered(each.place, each.keys, each.found, each.seen, (), each.outcome, each.status)
            for each in runs
        ]
        assemble(answer, whole, masked)

    return planted


def all_known(_: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever was granted the read sees everybody."""
    return lambda read, asked, homes: asked.order


def forgotten_program(load: Callable[..., Any]) -> Callable[..., Any]:
    """Arguments do not part what is read together."""

    async def planted(self: Any, read: Any, asked: Any) -> Any:
        alike = [
            each if isinstance(each, Answered) else replace(each, run=replace(each.run, arguments=0))
            for each in asked
        ]
        return await load(self, read, alike)

    return planted


PLANTED = {
    "lengths of runs": (sharer, "request_of", lengths),
    "callers of runs": (sharer, "request_of", callers),
    "beginnings of runs": (reads, "runs_of", starts),
    "what is settled": (sharer, "values_of", settled),
    "places of items": (answering, "assemble", places),
    "masks": (answering, "assemble", unmasked),
    "who is seen": (answering, "_known", all_known),
    "arguments": (answering.Answering, "_loaded", forgotten_program),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_a_mistake_that_is_planted_is_noticed(
    world: SharedWorld, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    owner, name, plant = PLANTED[what]
    monkeypatch.setattr(owner, name, plant(getattr(owner, name)))

    with pytest.raises(AssertionError):
        await interleaved(world, seed=0)
