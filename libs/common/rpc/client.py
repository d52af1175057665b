"""gRPC clients, alike in every service: identity, deadline, trace, and retries of what may be repeated."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from libs.common.errors import Overloaded, Unavailable
from libs.common.rpc.breaker import Breaker
from libs.common.rpc.deadline import seconds_left
from libs.common.rpc.observed import Called
from libs.common.rpc.transport import FRAME_BYTES_MAX, area, plain_channel, tls_channel
from libs.common.tls import Certificates

CALLS_MAX, WAITING_MAX = 80, 200
"""Calls under way on one channel, and those that wait for one of them to end; streams are not counted.

A server takes a hundred streams on a connection. It counts those that have just ended, too, and cuts
what is above that off: a client that asks for more hears UNAVAILABLE for most of it.
"""

PATIENCE_SECONDS = 0.5
"""Who waited less for an answer knows nothing of the service."""

_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
_DETAILS = "grpc-status-details-bin"
_REPEATABLE = {MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT}
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

# What the same request will meet again, here or in a defect of theirs; all else may pass.
_OURS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INTERNAL,
}


def service_config(services: Iterable[ServiceDescriptor]) -> str:
    """The gRPC service config: every replica gets its share of the calls, and some calls are made again.

    Those are the methods whose proto says that they may be repeated.
    """
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if method.GetOptions().idempotency_level in _REPEATABLE
    ]
    retried = [{"name": names, "retryPolicy": _RETRY}] if names else []
    return json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": retried})


class _Identity:
    """Gives each call the caller's token and trace, and no more time than the call that makes it has left."""

    def __init__(self, token: Callable[[], str] | None, timeout: float | None) -> None:
        self._token, self._timeout = token, timeout

    async def _call(
        self, called: Called, continuation: Any, details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        token = () if self._token is None else (("authorization", f"Bearer {self._token()}"),)
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *token, *called.metadata())
        asked = details.timeout if details.timeout is not None else self._timeout
        identified = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=None if asked is None else seconds_left(asked),
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )
        return await continuation(identified, request)


class _Places:
    """Places of the calls of one channel. The server refuses what is above its own bound on a connection.

    What waits here is refused by ourselves when it is too much, and says that it may be asked for again.
    """

    def __init__(self) -> None:
        self._free, self._waiting = asyncio.Semaphore(CALLS_MAX), 0

    async def __aenter__(self) -> None:
        if self._waiting >= WAITING_MAX:
            raise Overloaded
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free.release()


class _Guard:
    """What the unary calls of one channel have in common: their places, and the breaker of their service."""

    def __init__(self, breaker: Breaker | None) -> None:
        self._places, self._breaker = _Places(), breaker

    async def ended(self, made: Callable[[], Awaitable[Any]]) -> Any:
        """A call that is made in its place, when it has ended; LeftAlone where it is not made."""
        async with self._places:
            if self._breaker is None:
                return await made()
            may, failed, begun = self._breaker.enter(), None, time.monotonic()
            try:
                call = await made()
                failed = await _shows_trouble(call, time.monotonic() - begun)
                return call
            finally:
                self._breaker.ended(may, failed=failed)


# grpc.aio files each interceptor under the first arity that it is of, so each arity has a class of its own.
class _UnaryUnary(_Identity, grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(
        self, token: Callable[[], str] | None, timeout: float | None, breaker: Breaker | None = None
    ) -> None:
        super().__init__(token, timeout)
        self._guard = _Guard(breaker)

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._guard.ended(lambda: self._answered(continuation, client_call_details, request))

    async def _answered(self, continuation: Any, details: Any, request: Any) -> Any:
        called = Called(details.method)
        return await called.answered(await self._call(called, continuation, details, request))


class Direct:
    """A unary method of a channel that is not `intercepted`, watched as by our interceptors.

    grpc.aio runs interceptors in tasks of their own: they cost as much as half of a call. Called in nobody's
    name.
    """

    def __init__(self, method: Any, path: str, breaker: Breaker) -> None:
        self._method, self._path, self._guard = method, path, _Guard(breaker)

    async def __call__(self, request: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - gRPC ends the call
        """The answer, or the error of the call."""

        async def made() -> Any:
            called = Called(self._path)
            return await called.answered(self._method(request, timeout=timeout, metadata=called.metadata()))

        return await (await self._guard.ended(made))


async def _shows_trouble(call: Any, seconds: float) -> bool:
    """Whether a call shows that its service is away or hangs.

    What a service refuses itself it has answered, and a defect is one
    request's: neither may keep others from asking. Nor may who had no time.
    """
    code = await call.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return seconds >= PATIENCE_SECONDS
    return code in _AWAY and all(key != _DETAILS for key, _ in await call.trailing_metadata() or ())


class _UnaryStream(_Identity, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        called = Called(client_call_details.method)
        return called.streaming(await self._call(called, continuation, client_call_details, request))


class _StreamStream(_Identity, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        called = Called(client_call_details.method)
        return called.streaming(await self._call(called, continuation, client_call_details, request_iterator))


def channel(
    target: str,
    *services: ServiceDescriptor,
    token: Callable[[], str] | None = None,
    tls: Certificates | None = None,
    timeout: float = 5.0,
    apart: bool = False,
    breaker: Breaker | None = None,
    intercepted: bool = True,
) -> grpc.aio.Channel:
    """A channel to a service, made once and shared by all calls.

    Channels to the same place share a connection, unless one is to be `apart`. One that is not `intercepted`
    is for Direct.
    With a `breaker` unary calls are refused at once, LeftAlone, while the service does not answer.

    By TLS the caller is known by its certificate, and the server must be the
    service that was meant. Without, which this machine alone may do, by token.
    """
    identified: list[grpc.aio.ClientInterceptor] = [
        _UnaryUnary(token, timeout, breaker),
        _UnaryStream(token, None),
        _StreamStream(token, None),
    ]
    if not intercepted:
        identified = []
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", service_config(services)),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", 16 * 1024 * 1024),
        ("grpc.http2.max_frame_size", FRAME_BYTES_MAX),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.keepalive_time_ms", 60_000),
        # When a replica went, where the others are is asked at once, and not after gRPC's half a minute.
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    ]
    if apart:
        options.append(("grpc.use_local_subchannel_pool", 1))
    if tls is None:
        return plain_channel(target, options, identified)
    return tls_channel(target, area(services[0]), tls, options, identified)


@contextmanager
def calling(service: str) -> Iterator[None]:
    """Calls to another service: unless it refuses the request itself, what needs it is UNAVAILABLE."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() in _OURS:
            raise
        raise Unavailable(f"{service} does not answer now; retry", service=service) from error
