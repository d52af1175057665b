"""Works that take long are done one at a time and in order, while others are served."""

import asyncio
import threading
import time

import pytest

from libs.common.errors import Overloaded
from services.gateway.admission import turns
from services.gateway.admission.turns import Turns


class Work:
    """Works that end when they may, and say when they began."""

    def __init__(self) -> None:
        self._may_end = threading.Event()
        self.began: list[int] = []

    def of(self, number: int) -> int:
        self.began.append(number)
        assert self._may_end.wait(10)
        return number

    def may_end(self) -> None:
        self._may_end.set()

    async def has_begun(self) -> None:
        async with asyncio.timeout(10):
            while not self.began:
                await asyncio.sleep(0.001)


async def test_works_are_done_one_at_a_time_in_order_while_others_are_served() -> None:
    mine, work = Turns(), Work()
    works = [asyncio.create_task(mine.do(lambda number=number: work.of(number))) for number in range(5)]  # type: ignore[misc]

    await work.has_begun()  # which somebody else sees, as they are served
    begun_first = list(work.began)
    work.may_end()

    assert begun_first == [0]
    assert await asyncio.gather(*works) == work.began == [0, 1, 2, 3, 4]


async def test_a_work_that_fails_ends_its_turn() -> None:
    mine = Turns()

    with pytest.raises(ZeroDivisionError):
        await mine.do(lambda: 1 // 0)

    assert await mine.do(lambda: "done") == "done"


async def test_who_gives_up_gives_their_turn_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 2)
    mine, work = Turns(), Work()
    first, second = (asyncio.create_task(mine.do(lambda number=number: work.of(number))) for number in (1, 2))  # type: ignore[misc]
    await work.has_begun()

    with pytest.raises(Overloaded):
        await mine.do(time.monotonic)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(mine.do(lambda: work.of(3)))
    await asyncio.sleep(0)
    work.may_end()

    assert (await first, await third, work.began) == (1, 3, [1, 3])
