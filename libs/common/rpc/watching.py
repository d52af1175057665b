"""Watches at the edge: calls that go on until somebody ends them, apart from those that end soon."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress

from google.protobuf.message import Message

from libs.common.caller import Principal
from libs.common.errors import Overloaded, Unavailable, WatcherTooSlow
from libs.common.telemetry import WATCHERS

ADMIT_SECONDS = 5.0
"""How long a watch may go on unseen after its token has ended or was revoked."""
WATCH = "Watch"

Holder = tuple[str | None, str, str]


def is_watch(method: str) -> bool:
    """Whether a method, by its name in the policy table, is watched without end."""
    return method.rpartition("/")[2].startswith(WATCH)


def holder_of(principal: Principal) -> Holder:
    """Whose places count together, whatever else a token of theirs says."""
    return principal.program_id, principal.kind, principal.subject


def take(taken: Counter[Holder], holder: Holder, places_max: int) -> None:
    """Take a place for this holder, who has no more than so many."""
    held = taken.get(holder, 0)  # a Counter takes five times as long to say that there is none
    if held >= places_max:
        raise Overloaded
    taken[holder] = held + 1


def give_back(taken: Counter[Holder], holder: Holder) -> None:
    """Give a place back; nothing stays of who has none left."""
    held = taken.pop(holder)
    if held > 1:
        taken[holder] = held - 1


@contextmanager
def place(taken: Counter[Holder], holder: Holder, places_max: int) -> Iterator[None]:
    """A place of this holder, who has no more than so many."""
    take(taken, holder, places_max)
    try:
        yield
    finally:
        give_back(taken, holder)


class Watching:
    """The watches of one server: their places, and how each of them is served."""

    def __init__(self, *, watchers_max: int, per_principal_max: int, slow_seconds: float) -> None:
        self._watchers_max, self._per_principal_max = watchers_max, per_principal_max
        self._slow_seconds = slow_seconds
        self._taken: Counter[Holder] = Counter()
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End all watches, and begin no other: this server goes away, and clients go on elsewhere."""
        self._ending.set()

    @contextmanager
    def place(self, method: str, principal: Principal) -> Iterator[None]:
        """A watch of this principal."""
        self._require_staying()
        if self._taken.total() >= self._watchers_max:
            raise Overloaded
        with (
            place(self._taken, holder_of(principal), self._per_principal_max),
            WATCHERS.labels(method).track_inprogress(),
        ):
            yield

    async def serve(
        self,
        answers: AsyncGenerator[Message, None],
        *,
        admit: Callable[[], object],
        write: Callable[[Message], Awaitable[object]],
    ) -> None:
        """Write each answer until one is not taken, the caller may not watch any more, or we go away."""
        try:
            async with asyncio.TaskGroup() as tasks, aclosing(answers):
                guard = tasks.create_task(self._guard(admit))
                async for answer in answers:
                    await self._written(write(answer))
                guard.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _guard(self, admit: Callable[[], object]) -> None:
        """Raise as soon as a watch may not go on."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(ADMIT_SECONDS):
                    await self._ending.wait()
            self._require_staying()
            admit()

    async def _written(self, writing: Awaitable[object]) -> None:
        """Write, as long as that may take: it waits while the client takes nothing."""
        try:
            async with asyncio.timeout(self._slow_seconds):
                await writing
        except TimeoutError:
            raise WatcherTooSlow from None

    def _require_staying(self) -> None:
        if self._ending.is_set():
            raise Unavailable("this server goes away; watch again after the last seq that came")
