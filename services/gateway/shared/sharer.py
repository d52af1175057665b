"""Reads of all requests at once: while one call is under way the others wait, and leave together."""

import asyncio
import contextvars
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from libs.common.errors import Refusal, Unauthenticated, Unavailable
from libs.common.rpc.deadline import latest
from libs.common.rpc.errors import error_info
from libs.common.tracing import go_on, here
from services.gateway.shared.callers import Caller, KnownCallers
from services.gateway.shared.calls import Messages, request_of, values_of
from services.gateway.shared.lateness import Lateness
from services.gateway.shared.metrics import SHARED_CALL_KEYS, SHARED_WAITING
from services.gateway.shared.runs import Run, Values, Waiter, Waiting

LEFT_SECONDS_MIN = 0.001
QUIET_TICKS, TICKS_MAX = 3, 16
"""Turns of the loop: a call leaves after so many without an ask, as those of one request are two apart."""

BatchRead = Callable[..., Any]


class Sharer:
    """Shares calls to one service; nothing that they read is kept.

    Who waits stops waiting by their own deadline, and nobody else is told.
    Who was not answered by their call is told that it failed.
    """

    def __init__(self, service: ServiceDescriptor, batch_read: BatchRead, *, calls_max: int) -> None:
        self._messages = Messages(service)
        self._batch_read, self._calls_max = batch_read, calls_max
        self._waiting, self._known = Waiting(), KnownCallers()
        self._calls: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._lateness = Lateness()
        name = service.full_name.split(".")[1]
        self._call_keys, self._waiting_keys = SHARED_CALL_KEYS.labels(name), SHARED_WAITING.labels(name)

    def by(self, caller: Caller) -> "Shared":
        """The reads of one caller."""
        return Shared(self, caller)

    def ask(
        self, caller: Caller, field: str, keys: Sequence[Any], arguments: Message | None, *, seconds: float
    ) -> "asyncio.Future[Values]":
        """What becomes of each key, as the BatchGet behind a field of the answer tells this caller.

        Its results, None where there is none, the error that a key met.
        Overloaded where too much waits, DeadlineExceeded after so many seconds.
        """
        run = self._waiting.run(caller, keys, arguments, here())
        waiter = Waiter(loop=asyncio.get_running_loop())
        waiter.until = latest(seconds)
        run.wants.setdefault(self._messages.bits[field], []).append(waiter)
        self._lateness.watch(run, waiter.until)
        self._leave_soon()
        return waiter

    def _leave_soon(self) -> None:
        """Begin a call, if there is room for one, when no more asks come in."""
        if self._is_leaving or len(self._calls) >= self._calls_max or not self._waiting:
            return
        self._is_leaving = True
        asyncio.get_running_loop().call_soon(self._leave, self._waiting.asks_count, 0, TICKS_MAX)

    def _leave(self, asks_before: int, quiet: int, ticks: int) -> None:
        asks = self._waiting.asks_count
        quiet = quiet + 1 if asks == asks_before else 0
        if quiet < QUIET_TICKS and ticks:
            asyncio.get_running_loop().call_soon(self._leave, asks, quiet, ticks - 1)
            return
        self._is_leaving = False
        runs = self._waiting.leave()
        self._waiting_keys.set(self._waiting.keys_count)
        if runs:
            # In nobody's context: a call is of many, and none of them may end it.
            call = asyncio.create_task(self._call(runs), context=contextvars.Context())
            self._calls.add(call)
            call.add_done_callback(self._ended)
        self._leave_soon()

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._leave_soon()

    async def _call(self, runs: Sequence[Run]) -> None:
        """Settle these runs, together as far as that goes."""
        go_on(next((run.span for run in runs if run.span.is_recording()), runs[0].span))
        self._call_keys.observe(sum(len(run.keys) for run in runs))
        try:
            await self._settled(runs)
        finally:
            for run in runs:
                run.fail(Unavailable())
                self._lateness.forget(run)

    async def _settled(self, runs: Sequence[Run]) -> None:
        """Ask for runs, once more for those of callers whom the service does not know.

        Where one of them may be what a call fails by, the others are asked for apart from it.
        """
        try:
            unknown = await self._asked(runs, all_new=False)
            if unknown:
                for run in await self._asked(unknown, all_new=True):
                    run.fail(Unauthenticated())
        except Exception as error:
            waiting = [run for run in runs if not run.is_left()]
            if len(waiting) > 1 and _may_be_of_one(error):
                half = len(waiting) // 2
                await self._settled(waiting[:half])
                await self._settled(waiting[half:])
            for run in waiting:
                run.fail(_told(error))

    async def _asked(self, runs: Sequence[Run], *, all_new: bool) -> list[Run]:
        """Make a call and settle what it answers; gives the runs whose callers the service does not know."""
        callers = list({run.caller.digest: run.caller for run in runs}.values())
        tokens = self._known.tokens(callers, all_new=all_new)
        request = request_of(self._messages, runs, callers, tokens)
        left = max((each.until for run in runs for each in run.waiters()), default=0.0) - time.monotonic()
        answer = await self._batch_read(request, timeout=max(LEFT_SECONDS_MIN, left))
        unknown: dict[int, Run] = {}
        for run, bit, values in values_of(self._messages, runs, answer):
            if values is None:
                unknown[id(run)] = run
            else:
                _settle(run, bit, values)
        self._known.told(callers, {run.caller.digest for run in unknown.values()})
        return list(unknown.values())

    async def close(self) -> None:
        """End the calls under way; whoever waits is told that there is no answer."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        self._lateness.close()


@dataclass(slots=True)
class Shared:
    """The reads of one caller, made together with those of others."""

    sharer: Sharer
    caller: Caller

    def read(
        self, field: str, keys: Sequence[Any], arguments: Message | None = None, *, seconds: float
    ) -> "asyncio.Future[Values]":
        """What becomes of each key, as `Sharer.ask` says."""
        return self.sharer.ask(self.caller, field, keys, arguments, seconds=seconds)


def _may_be_of_one(error: Exception) -> bool:
    """Whether what one run asks may have failed the call, and not that the service is away or busy."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return not isinstance(error, Refusal)
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return error_info(error) is None  # by the size of a message
    return error.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}


def _told(error: Exception) -> Exception:
    """What those who wait are told of a failure; a replica of before shared calls is not there."""
    is_older = isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.UNIMPLEMENTED
    return Unavailable() if is_older else error


def _settle(run: Run, bit: int, values: Values) -> None:
    for waiter in run.wants[bit]:
        if not waiter.done():
            waiter.set_result(values)
