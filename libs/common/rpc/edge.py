"""What every gRPC method is wrapped in: identity, deadline, validation, refusals, metrics, logs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
import protovalidate
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

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
from libs.common.telemetry import RPC_SECONDS, log
from libs.common.tokens import TokenVerifier

DEADLINE_SECONDS = 5.0
DEADLINE_SECONDS_MAX = 60.0
STREAM_DEADLINE_SECONDS = 3600.0
STREAM_IDLE_SECONDS = 60.0

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
