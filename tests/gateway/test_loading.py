"""Loaders: what leaves together, what is kept, and that nobody who waits is forgotten, or hurt by others."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from libs.common.errors import Unavailable
from services.gateway.loading import DataLoader, begin, ending_together

Load = Callable[[list[int]], Coroutine[Any, Any, Sequence[int | BaseException]]]


class Doubled:
    """Doubles numbers, and knows what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, numbers: list[int]) -> Sequence[int | BaseException]:
        self.asked.append(numbers)
        await self.open.wait()
        return [2 * number for number in numbers]


def a_loader(load: Load, *, max_batch_size: int = 500) -> DataLoader[int, int]:
    return DataLoader(load, max_batch_size=max_batch_size)


async def test_keys_of_one_turn_leave_together_each_once() -> None:
    doubled = Doubled()
    loader = a_loader(doubled)

    answers = await asyncio.gather(loader.load(1), loader.load(2), loader.load(1))

    assert list(answers) == [2, 4, 2]
    assert doubled.asked == [[1, 2]]


async def test_what_was_loaded_is_there_and_not_asked_for_again() -> None:
    doubled = Doubled()
    loader = a_loader(doubled)
    await loader.load(1)

    assert loader.ask([1], lambda: None)
    assert (loader.answer(1), await loader.load(1)) == (2, 2)
    assert doubled.asked == [[1]]


async def test_who_asks_for_keys_of_several_calls_is_told_once_when_all_are_there() -> None:
    doubled = Doubled()
    loader, told = a_loader(doubled, max_batch_size=2), asyncio.Queue[list[int | BaseException]]()
    keys = [1, 2, 3, 4, 5]

    there = loader.ask(keys, lambda: told.put_nowait([loader.answer(key) for key in keys]))

    assert not there
    assert await told.get() == [2, 4, 6, 8, 10]
    assert doubled.asked == [[1, 2], [3, 4], [5]]
    assert told.empty()


async def test_a_key_that_is_under_way_is_waited_for_and_not_asked_for_again() -> None:
    doubled = Doubled()
    doubled.open.clear()
    loader = a_loader(doubled)
    first = loader.load(1)
    while not doubled.asked:
        await asyncio.sleep(0)

    second = loader.load(1)
    doubled.open.set()

    assert (await first, await second) == (2, 2)
    assert doubled.asked == [[1]]


async def test_one_who_gives_up_takes_the_answer_from_nobody() -> None:
    doubled = Doubled()
    doubled.open.clear()
    loader = a_loader(doubled)
    first, second = loader.load(1), loader.load(1)

    first.cancel()
    doubled.open.set()

    assert await second == 2


async def test_a_call_that_fails_fails_its_keys_and_no_others() -> None:
    async def even(numbers: list[int]) -> Sequence[int | BaseException]:
        if any(number % 2 for number in numbers):
            raise ValueError(numbers)
        return numbers

    loader = a_loader(even, max_batch_size=1)

    answers = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)

    assert isinstance(answers[0], ValueError)
    assert answers[1] == 2


async def test_a_key_may_fail_by_itself() -> None:
    async def load(numbers: list[int]) -> Sequence[int | BaseException]:
        return [Unavailable() if number == 1 else number for number in numbers]

    loader = a_loader(load)

    answers = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)

    assert isinstance(answers[0], Unavailable)
    assert answers[1] == 2


async def test_a_call_that_answers_other_keys_than_it_was_asked_for_is_a_defect() -> None:
    async def load(numbers: list[int]) -> Sequence[int | BaseException]:
        return numbers[1:]

    with pytest.raises(ValueError, match="shorter"):
        await a_loader(load).load(1)


async def test_a_call_that_is_cancelled_by_what_it_calls_leaves_nobody_waiting() -> None:
    async def load(_: list[int]) -> Sequence[int | BaseException]:
        raise asyncio.CancelledError

    with pytest.raises(Unavailable):
        await a_loader(load).load(1)


async def test_what_a_request_begins_ends_with_it() -> None:
    doubled = Doubled()
    doubled.open.clear()
    loader = a_loader(doubled)

    with ending_together():
        under_way = loader.load(1)
        while not doubled.asked:
            await asyncio.sleep(0)
        later = loader.load(2)
        work = begin(asyncio.Event().wait())

    await asyncio.gather(under_way, work, later, return_exceptions=True)
    assert isinstance(under_way.exception(), Unavailable)
    assert isinstance(later.exception(), Unavailable)
    assert work.cancelled()
    assert doubled.asked == [[1]]
