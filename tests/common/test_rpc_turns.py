"""One principal's calls wait for each other, and nobody else's wait for them."""

import asyncio
from typing import Any

import pytest

from libs.common.caller import Principal
from libs.common.errors import Overloaded
from libs.common.rpc.turns import AT_WORK_MAX, Turns

ANN = Principal("ann", "staff", "music_store")
BOB = Principal("bob", "staff", "music_store")
SCORING = Principal("scoring", "service", None)


async def at_work(turns: Turns, count: int, principal: Principal = ANN) -> list[Any]:
    """Calls that are worked on."""
    return [await asyncio.wait_for(turns.take(principal), 1) for _ in range(count)]


async def waiting(turns: Turns, count: int) -> list["asyncio.Task[Any]"]:
    """Calls of Ann that wait for their turn."""
    tasks = [asyncio.create_task(turns.take(ANN)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def given_up(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_principal_has_so_many_calls_at_work_and_the_next_waits_for_one_to_end() -> None:
    turns = Turns(100)
    held = await at_work(turns, AT_WORK_MAX)
    first, second = await waiting(turns, 2)

    turns.end(held[0])
    await asyncio.wait_for(first, 1)

    assert not second.done()
    turns.end(held[1])
    await asyncio.wait_for(second, 1)


async def test_others_do_not_wait() -> None:
    turns = Turns(100)
    await at_work(turns, AT_WORK_MAX)
    tasks = await waiting(turns, 20)

    assert len(await at_work(turns, AT_WORK_MAX, BOB)) == AT_WORK_MAX
    await given_up(tasks)


async def test_services_do_not_wait_for_themselves() -> None:
    turns = Turns(100)

    assert len(await at_work(turns, 3 * AT_WORK_MAX, SCORING)) == 3 * AT_WORK_MAX


async def test_those_who_wait_have_places_too() -> None:
    turns = Turns(AT_WORK_MAX + 2)
    await at_work(turns, AT_WORK_MAX)
    tasks = await waiting(turns, 2)

    with pytest.raises(Overloaded):
        await turns.take(ANN)
    await given_up(tasks)


async def test_who_gives_up_is_passed_over_and_leaves_nothing() -> None:
    turns = Turns(100)
    held = await at_work(turns, AT_WORK_MAX)
    first, second = await waiting(turns, 2)

    first.cancel()
    await asyncio.sleep(0)
    turns.end(held[0])
    await asyncio.wait_for(second, 1)

    for each in held:  # one of them in place of the second
        turns.end(each)
    assert (turns._taken, turns._waiting) == ({}, {})


async def test_a_turn_that_comes_as_its_caller_gives_up_is_passed_on() -> None:
    turns = Turns(100)
    held = await at_work(turns, AT_WORK_MAX)
    first, second = await waiting(turns, 2)

    turns.end(held[0])
    first.cancel()

    await asyncio.wait_for(second, 1)
    assert first.cancelled()
    assert turns._taken.total() == AT_WORK_MAX
