"""Turns of intake: one transaction at a time, and calls of a source that wait for theirs share it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from libs.common.errors import Overloaded, Unavailable
from libs.common.mongo import Request
from libs.common.rpc.deadline import set_deadline
from services.members.domain.intake import EventResult, Incoming

M = TypeVar("M", bound=Message)

# The program, and the partner who sends.
Source = tuple[str, str]
EVENTS_AT_ONCE = 500


class IntakeQueue:
    """One intake transaction at a time; so many may wait, more are refused.

    Side by side they conflict on members and days and are made again: four
    writers came to a third of the events that one writes.
    """

    def __init__(self, waiting_max: int) -> None:
        self.turn, self._waiting, self._waiting_max = asyncio.Lock(), 0, waiting_max

    def enter(self) -> None:
        """Begin to wait, or Overloaded."""
        if self._waiting >= self._waiting_max:
            raise Overloaded
        self._waiting += 1

    def leave(self) -> None:
        """Wait no longer."""
        self._waiting -= 1

    async def __aenter__(self) -> None:
        self.enter()
        try:
            await self.turn.acquire()
        finally:
            self.leave()

    async def __aexit__(self, *_: object) -> None:
        self.turn.release()


def _answered() -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True)
class Ask(Generic[M]):
    """A call that has events to record, the trace it is in, and its answer once there is one."""

    request: Request[M]
    batch: Sequence[Incoming]
    answer: Callable[[list[EventResult]], M]
    trace: str
    answered: "asyncio.Future[M]" = field(default_factory=_answered)


class Together:
    """Answers calls, those of one source that wait at the same time in one transaction.

    A transaction costs as much as the recording of some dozen events, so many
    small calls at once are nearly as cheap as one large call. No caller's end
    or deadline ends a transaction that others are in: it has its own.
    """

    def __init__(
        self,
        queue: IntakeQueue,
        alone: Callable[[Source, Ask[Any]], Awaitable[Any]],
        together: Callable[[Source, Sequence[Ask[Any]]], Awaitable[Sequence[Any]]],
    ) -> None:
        """`together` gives an answer or a refusal for each; where it fails, each is worked on `alone`."""
        self._queue, self._alone, self._together = queue, alone, together
        self._waiting: dict[Source, deque[Ask[Any]]] = {}
        self._runs: dict[Source, asyncio.Task[None]] = {}

    async def answer(self, source: Source, ask: Ask[M]) -> M:
        """The answer to a call, when its turn has come."""
        self._queue.enter()
        waiting = self._waiting.setdefault(source, deque())
        waiting.append(ask)
        if source not in self._runs:
            self._runs[source] = asyncio.create_task(self._run(source))
        try:
            return await ask.answered
        finally:
            if ask in waiting:  # its caller has given up
                waiting.remove(ask)
                self._queue.leave()

    async def _run(self, source: Source) -> None:
        """Answer the calls of a source until none waits."""
        set_deadline(None)  # the caller's with whom it began
        try:
            while self._waiting[source]:
                async with self._queue.turn:
                    await self._settle(source, self._taken(source))
        finally:
            del self._runs[source], self._waiting[source]

    def _taken(self, source: Source) -> list[Ask[Any]]:
        """The calls of the next transaction, as they came, with as many events as it has room for."""
        waiting, taken, events = self._waiting[source], list[Ask[Any]](), 0
        while waiting and (not taken or events + len(waiting[0].batch) <= EVENTS_AT_ONCE):
            taken.append(waiting.popleft())
            events += len(taken[-1].batch)
            self._queue.leave()
        return taken

    async def _settle(self, source: Source, asks: Sequence[Ask[Any]]) -> None:
        if len(asks) > 1:
            try:
                answers = await self._together(source, asks)
            except (Unavailable, TimeoutError) as error:  # which would meet each of them
                answers = [error] * len(asks)
            except Exception:  # of one of them, which shows when it is alone
                answers = []
            for ask, answer in zip(asks, answers, strict=False):
                _tell(ask, answer)
        for ask in asks:
            if not ask.answered.done():
                try:
                    _tell(ask, await self._alone(source, ask))
                except Exception as error:
                    _tell(ask, error)


def _tell(ask: Ask[Any], answer: Any) -> None:
    """Answer a call, unless its caller has given up."""
    if ask.answered.done():
        return
    if isinstance(answer, Exception):
        ask.answered.set_exception(answer)
    else:
        ask.answered.set_result(answer)
