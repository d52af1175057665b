"""Calls as they are timed and traced: those that we answer, and those that we make."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any, TypeVar

import grpc
from opentelemetry.trace import Span, SpanKind
from prometheus_client import Histogram

from libs.common.caller import known_caller
from libs.common.telemetry import RPC_CLIENT_SECONDS, RPC_SECONDS
from libs.common.tracing import CANCELLED, TRACEPARENT, begin, child, finish, here, incoming
from libs.common.tracing import traceparent as traceparent_of

T = TypeVar("T")

# What is wrong with us, and not with the request.
_FAULTS = {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}

_watched: set[asyncio.Task[None]] = set()


class Served:
    """One call that we answer."""

    def __init__(self, method: str, traceparent: str, *, per_request: bool = False) -> None:
        """`traceparent` is the caller's; `per_request` is for streams of requests, which run for hours.

        Only a trace of the caller's own spans such a stream; else each
        request of it begins a trace, or one would grow without end.
        """
        self._method, self._started = method, time.perf_counter()
        self._parent = incoming(traceparent)
        self._span: Span | None = None
        self._step: Span | None = None
        if self._parent is not None or not per_request:
            self._span = begin(method, SpanKind.SERVER, self._parent)
            self._parent = here()

    async def each(self, requests: AsyncIterator[T]) -> AsyncIterator[T]:
        """The requests of a stream; what is done between one and the next belongs to the one."""
        async for request in requests:
            self._step = begin(f"{self._method} request", SpanKind.SERVER, self._parent)
            yield request
            self._end_step("OK")

    def ended(self, status: str) -> None:
        """Say how the call ended."""
        _answers(self._method, status).observe(time.perf_counter() - self._started)
        self._end_step(status)
        if self._span is not None:
            finish(self._span, status, failed=status in _FAULTS, principal=known_caller())

    def _end_step(self, status: str) -> None:
        if self._step is not None:
            finish(self._step, status, failed=status in _FAULTS, principal=known_caller())
            self._step = None


class Called:
    """One call that we make."""

    def __init__(self, method: str | bytes) -> None:
        self._method = (method.decode() if isinstance(method, bytes) else method).removeprefix("/")
        self._started = time.perf_counter()
        self._span = child(self._method, SpanKind.CLIENT)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What tells the other side from where to go on; nothing outside any trace."""
        place = traceparent_of(self._span)
        return ((TRACEPARENT, place),) if place else ()

    async def answered(self, call: Any) -> Any:
        """The call, when it has ended; a caller that stops waiting cancels it."""
        try:
            await call
        except grpc.aio.AioRpcError as error:
            self._ended(error.code().name)
        except asyncio.CancelledError:
            self._ended(CANCELLED)
            raise
        else:
            self._ended("OK")
        return call

    def streaming(self, call: Any) -> Any:
        """The call at once; its end is waited for beside it."""

        async def ended() -> None:
            self._ended((await call.code()).name)

        task = asyncio.create_task(ended())
        _watched.add(task)
        task.add_done_callback(_watched.discard)
        return call

    def _ended(self, code: str) -> None:
        RPC_CLIENT_SECONDS.labels(self._method, code).observe(time.perf_counter() - self._started)
        if self._span is not None:
            finish(self._span, code, failed=code != "OK")


@lru_cache(maxsize=4096)
def _answers(method: str, status: str) -> Histogram:
    """The histogram of a method and status, looked up once."""
    return RPC_SECONDS.labels(method, status)
