"""Turns: who would meet at a counter in the database waits here instead."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """One transaction at a time for each counter, as far as this process goes.

    Side by side they would meet at it, and all but one be made again. Those of
    other replicas are met there, which is what makes it exact.
    """

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, counters: Iterable[str]) -> AsyncIterator[None]:
        """The turns of counters, always taken in the same order."""
        turns = [self._turns.setdefault(each, asyncio.Lock()) for each in sorted(set(counters))]
        async with AsyncExitStack() as held:
            for turn in turns:
                await held.enter_async_context(turn)
            yield
