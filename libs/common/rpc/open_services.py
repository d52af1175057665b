"""gRPC's own services, health and reflection: open to whoever may connect, so bounded here."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from libs.common.errors import MalformedRequest, Overloaded
from libs.common.rpc.errors import abort, refusal_status

# Streams of one method that are held at once; probes, which are no streams, always find room.
STREAMS_MAX = 20

Context = Any
Handler = Any


def bounded(handler: Handler) -> Handler:
    """The handler of a method, which refuses in our words bytes that are no message, and too many streams."""
    if handler.request_streaming:
        return grpc.stream_stream_rpc_method_handler(_of_streams(handler), None, handler.response_serializer)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_of_watches(handler), None, handler.response_serializer)
    return grpc.unary_unary_rpc_method_handler(_of_one(handler), None, handler.response_serializer)


def _of_one(handler: Handler) -> Callable[[bytes, Context], Any]:
    async def one(data: bytes, context: Context) -> Any:
        return await handler.unary_unary(await _message(handler, data, context), context)

    return one


def _of_watches(handler: Handler) -> Callable[[bytes, Context], Any]:
    places = _Places()

    async def watch(data: bytes, context: Context) -> None:
        await places.require_room(context)
        with places:
            await handler.unary_stream(await _message(handler, data, context), context)

    return watch


def _of_streams(handler: Handler) -> Callable[[AsyncIterator[bytes], Context], Any]:
    places = _Places()

    async def stream(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[Message]:
        await places.require_room(context)
        with places:
            read = (await _message(handler, data, context) async for data in requests)
            async for answer in handler.stream_stream(read, context):
                yield answer

    return stream


async def _message(handler: Handler, data: bytes, context: Context) -> Any:
    try:
        return handler.request_deserializer(data)
    except DecodeError:
        await abort(context, refusal_status(MalformedRequest()))


class _Places:
    """How many streams of a method there are."""

    def __init__(self) -> None:
        self._taken = 0

    async def require_room(self, context: Context) -> None:
        if self._taken >= STREAMS_MAX:
            await abort(context, refusal_status(Overloaded()))

    def __enter__(self) -> None:
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        self._taken -= 1
