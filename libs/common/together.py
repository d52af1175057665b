"""Turns of writing: one transaction at a time, and calls of a kind that wait for theirs share it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from libs.common.errors import Overloaded, Unavailable
from libs.common.mongo import Request
from libs.common.rpc.deadline import set_deadline

M = TypeVar("M", bound=Message)
K = TypeVar("K", bound=Hashable)


class WriterQueue:
    """One writer at a time; so many may wait, more are refused.

    Side by side transactions that write the same documents conflict and are
    made again: four writers of events came to a third of what one writes.
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
    """A call that has so much to write, whose it is and in which trace, and its answer once there is one."""

    request: Request[M]
    batch: Sequence[Any]
    answer: Callable[[Any], M]
    context: Context = field(default_factory=copy_context)
    answered: "asyncio.Future[M]" = field(default_factory=_answered)


class Together(Generic[K]):
    """Answers calls, those of one kind that wait at the same time in one transaction.

    A transaction costs as much as the writing of some dozen events, so many
    small calls at once are nearly as cheap as one large call. No caller's end
    or deadline ends a transaction that others are in: it has its own.
    """

    def __init__(
        self,
        queue: WriterQueue,
        alone: Callable[[K, Ask[Any]], Awaitable[Any]],
        together: Callable[[K, Sequence[Ask[Any]]], Awaitable[Sequence[Any]]],
        *,
        at_once: int,
    ) -> None:
        """`together` gives an answer or a refusal for each; where it fails, each is worked on `alone`.

        `at_once` is how much of what calls have to write one transaction has room for.
        """
        self._queue, self._alone, self._together, self._at_once = queue, alone, together, at_once
        self._waiting: dict[K, deque[Ask[Any]]] = {}
        self._runs: dict[K, asyncio.Task[None]] = {}

    async def answer(self, kind: K, ask: Ask[M]) -> M:
        """The answer to a call, when its turn has come."""
        self._queue.enter()
        waiting = self._waiting.setdefault(kind, deque())
        waiting.append(ask)
        if kind not in self._runs:
            self._runs[kind] = asyncio.create_task(self._run(kind))
        try:
            return await ask.answered
        finally:
            if ask in waiting:  # its caller has given up
                waiting.remove(ask)
                self._queue.leave()

    async def _run(self, kind: K) -> None:
        """Answer the calls of a kind until none waits."""
        set_deadline(None)  # the caller's with whom it began
        try:
            while self._waiting[kind]:
                async with self._queue.turn:
                    await self._settle(kind, self._taken(kind))
        finally:
            del self._runs[kind], self._waiting[kind]

    def _taken(self, kind: K) -> list[Ask[Any]]:
        """The calls of the next transaction, as they came, with as much to write as it has room for."""
        waiting, taken, size = self._waiting[kind], list[Ask[Any]](), 0
        while waiting and (not taken or size + len(waiting[0].batch) <= self._at_once):
            taken.append(waiting.popleft())
            size += len(taken[-1].batch)
            self._queue.leave()
        return taken

    async def _settle(self, kind: K, asks: Sequence[Ask[Any]]) -> None:
        if len(asks) > 1:
            try:
                answers = await self._together(kind, asks)
            except (Unavailable, TimeoutError) as error:  # which would meet each of them
                answers = [error] * len(asks)
            except Exception:  # of one of them, which shows when it is alone
                answers = []
            for ask, answer in zip(asks, answers, strict=False):
                _tell(ask, answer)
        for ask in asks:
            if not ask.answered.done():
                try:
                    _tell(ask, await self._alone(kind, ask))
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
