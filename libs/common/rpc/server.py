"""gRPC servers, alike in every service: what happens to a call before and after its method."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
import protovalidate
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from libs.common.caller import Principal, set_caller
from libs.common.errors import (
    DeadlineExceeded,
    InvalidRequest,
    MalformedRequest,
    Refusal,
    Unauthenticated,
    Unavailable,
)
from libs.common.ids import new_id
from libs.common.rpc.deadline import set_deadline
from libs.common.rpc.errors import abort, internal_status, refusal_status
from libs.common.settings import ServiceSettings
from libs.common.telemetry import RPC_SECONDS, log
from libs.common.tokens import TokenVerifier

DEADLINE_SECONDS = 5.0
DEADLINE_SECONDS_MAX = 60.0
STREAM_DEADLINE_SECONDS = 3600.0
STREAM_IDLE_SECONDS = 60.0
METADATA_BYTES_MAX = 16 * 1024

# grpc's classes are generic to the type checker only.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Serve = Callable[[Any, Context], AsyncIterator[Message]]
ServeUnary = Callable[[Any, Context], Awaitable[Message]]


class Malformed:
    """Stands for a request whose bytes are no message: deserializers run before our code can refuse."""


MALFORMED = Malformed()


@dataclass(frozen=True)
class Edge:
    """What every method is wrapped in: identity, deadline, validation, refusals, metrics, logs."""

    verifier: TokenVerifier
    outages: tuple[type[Exception], ...] = ()

    def wrap(self, method: str, handler: Handler) -> Handler:
        """The handler of one method inside the edge."""
        deserializer = _tolerant(handler.request_deserializer)
        serializer = _in_one_form
        if handler.request_streaming and handler.response_streaming:
            run = self._streaming(method, cast(Serve, handler.stream_stream), checks_each=True)
            return grpc.stream_stream_rpc_method_handler(run, deserializer, serializer)
        if handler.response_streaming:
            run = self._streaming(method, cast(Serve, handler.unary_stream), checks_each=False)
            return grpc.unary_stream_rpc_method_handler(run, deserializer, serializer)
        assert handler.unary_unary is not None, f"{method}: client streams answer per message here"
        unary = self._unary(method, cast(ServeUnary, handler.unary_unary))
        return grpc.unary_unary_rpc_method_handler(unary, deserializer, serializer)

    def _unary(self, method: str, serve: ServeUnary) -> ServeUnary:
        async def unary(request: Message | Malformed, context: Context) -> Message:
            started = time.perf_counter()
            status = "OK"
            try:
                left = context.time_remaining()
                seconds = DEADLINE_SECONDS if left is None else min(left, DEADLINE_SECONDS_MAX)
                set_deadline(seconds)
                set_caller(self._authenticate(context))
                checked = valid(request)
                async with asyncio.timeout(seconds):
                    return await serve(checked, context)
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except Exception as error:
                status, told = self._ending(method, error)
                await abort(context, told)
            finally:
                RPC_SECONDS.labels(method, status).observe(time.perf_counter() - started)

        return unary

    def _streaming(self, method: str, serve: Serve, *, checks_each: bool) -> Serve:
        async def streaming(request: Any, context: Context) -> AsyncIterator[Message]:
            started = time.perf_counter()
            status = "OK"
            try:
                left = context.time_remaining()
                set_deadline(STREAM_DEADLINE_SECONDS if left is None else left)
                set_caller(self._authenticate(context))
                checked = _each_valid(request) if checks_each else valid(request)
                async for answer in serve(checked, context):
                    yield answer
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except Exception as error:
                status, told = self._ending(method, error)
                await abort(context, told)
            finally:
                RPC_SECONDS.labels(method, status).observe(time.perf_counter() - started)

        return streaming

    def _ending(self, method: str, error: Exception) -> tuple[str, Status]:
        """What a call that an exception ends is counted as, and what its caller is told."""
        if isinstance(error, TimeoutError):
            error = DeadlineExceeded()
        elif isinstance(error, self.outages):
            error = Unavailable()
        if isinstance(error, Refusal):
            return error.reason, refusal_status(error)
        return "INTERNAL", internal_status(_log_defect(method))

    def _authenticate(self, context: Context) -> Principal:
        for name, value in context.invocation_metadata() or ():
            if name == "authorization":
                scheme, _, token = str(value).partition(" ")
                if scheme.lower() == "bearer" and token:
                    return self.verifier.principal(token)
        raise Unauthenticated


def valid(request: Message | Malformed) -> Message:
    """The request, if it is a message and keeps the rules of its proto."""
    if isinstance(request, Malformed):
        raise MalformedRequest
    violations = protovalidate.collect_violations(request)
    if violations:
        raise InvalidRequest(**violation_texts(violations))
    return request


def violation_texts(violations: Sequence[Any]) -> dict[str, str]:
    """What each violated rule says, by the path of its field; the first twenty."""
    return {_path(violation): violation.proto.message for violation in violations[:20]}


def _path(violation: Any) -> str:
    """The path of the field; a rule over a whole message has none."""
    elements = violation.proto.field.elements if violation.proto.field is not None else ()
    parts = [
        element.field_name
        if element.subscript is None
        else f"{element.field_name}[{element.subscript.value}]"
        for element in elements
    ]
    return ".".join(parts) or "message"


async def _each_valid(requests: AsyncIterator[Message | Malformed]) -> AsyncIterator[Message]:
    """Each request of a stream; a client that sends nothing for a minute gives its place away."""
    while True:
        try:
            async with asyncio.timeout(STREAM_IDLE_SECONDS):
                request = await anext(requests)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise DeadlineExceeded("nothing came for too long; begin another stream") from error
        yield valid(request)


def _tolerant(deserialize: Callable[[bytes], Message] | None) -> Callable[[bytes], Message | Malformed]:
    assert deserialize is not None

    def tolerant(data: bytes) -> Message | Malformed:
        try:
            return deserialize(data)
        except DecodeError:
            return MALFORMED

    return tolerant


def _in_one_form(answer: Message) -> bytes:
    """The answer as bytes, whatever the order in which its maps were filled: a replayed one is the same."""
    return answer.SerializeToString(deterministic=True)


def _log_defect(method: str) -> str:
    request_id = new_id("req")
    log("rpc").exception("defect", method=method, request_id=request_id)
    return request_id


class _Registrar:
    """Stands in for a server while generated code registers a servicer, so that handlers can be wrapped."""

    def __init__(self) -> None:
        self.handlers: dict[str, dict[str, Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """The generated code says the same twice; the registered handlers carry all we need."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Handler]) -> None:
        self.handlers[service] = handlers


class RpcServer:
    """A gRPC server with health, reflection, caps and a graceful drain."""

    def __init__(
        self, settings: ServiceSettings, verifier: TokenVerifier, *, outages: tuple[type[Exception], ...] = ()
    ) -> None:
        """`outages` are the exceptions of a database that is down, answered as UNAVAILABLE."""
        self._settings = settings
        self._edge = Edge(verifier, outages)
        self._health = health.aio.HealthServicer()
        self._names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=settings.concurrent_calls_max,
            options=[
                ("grpc.max_receive_message_length", settings.message_bytes_max),
                ("grpc.max_metadata_size", METADATA_BYTES_MAX),
                ("grpc.max_connection_idle_ms", 5 * 60_000),
                ("grpc.max_connection_age_ms", 30 * 60_000),
                ("grpc.max_connection_age_grace_ms", 60_000),
                ("grpc.so_reuseport", 0),
            ],
        )

    def add(self, register: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve a servicer; `register` is the generated add_…Servicer_to_server."""
        registrar = _Registrar()
        register(servicer, registrar)
        for service, handlers in registrar.handlers.items():
            wrapped = {
                name: self._edge.wrap(f"{service}/{name}", handler) for name, handler in handlers.items()
            }
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
            self._names.append(service)

    async def start(self) -> int:
        """Begin to serve; gives the port."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(self._names, self._server)
        port = self._server.add_insecure_port(f"{self._settings.host}:{self._settings.port}")
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return port

    async def drain(self) -> None:
        """Say NOT_SERVING, let the calls under way end, then stop."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.drain_seconds)


async def stopped() -> None:
    """Wait until somebody asks this process to stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    structlog.stdlib.get_logger("rpc").info("draining")
