"""Work that would keep everybody waiting: done one after the other in a thread, beside what is served."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from libs.common.errors import Overloaded

T = TypeVar("T")

WAITING_MAX = 100
"""How many wait for their turn at most: of the longest works, as many as are done before a request ends."""


class Turns:
    """Gives turns to works, in the order in which they come.

    The thread has but its share of the interpreter, which it gives away
    whenever somebody is to be served (`server.py` says how soon).
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turns")
        self._waiting = 0

    async def do(self, work: Callable[[], T]) -> T:
        """What a work gives when its turn has come; Overloaded when too many wait."""
        if self._waiting >= WAITING_MAX:
            raise Overloaded
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1
