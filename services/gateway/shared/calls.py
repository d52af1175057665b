"""A shared call on the wire: runs become a request, and its answer what became of each key."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from laurel.common.v1 import sharing_pb2
from libs.common.errors import Forbidden, Refusal, Unauthenticated, Unavailable
from libs.common.rpc.shared.asks import wanted
from services.gateway.shared.callers import Caller
from services.gateway.shared.runs import Run, Values

MISSING = -sharing_pb2.SHARED_OUTCOME_MISSING
UNKNOWN_TOKEN = -sharing_pb2.SHARED_OUTCOME_UNKNOWN_TOKEN
_REFUSED: dict[int, type[Refusal]] = {
    -sharing_pb2.SHARED_OUTCOME_DENIED: Forbidden,
    -sharing_pb2.SHARED_OUTCOME_UNAUTHENTICATED: Unauthenticated,
    UNKNOWN_TOKEN: Unauthenticated,
}


class AnswerWrong(Exception):
    """The answer of a shared call does not fit what was asked."""


class Messages:
    """The messages of the shared calls of a service."""

    def __init__(self, service: ServiceDescriptor) -> None:
        method = service.methods_by_name["BatchRead"]
        self.request: Any = GetMessageClass(method.input_type)
        self.answer: Any = GetMessageClass(method.output_type)
        self.bits = {name: wanted(self.answer, name) for name in self.answer.DESCRIPTOR.fields_by_name}
        self.fields = {bit: name for name, bit in self.bits.items()}


def request_of(messages: Messages, runs: Sequence[Run], callers: Sequence[Caller], tokens: list[str]) -> Any:
    """The request that asks for runs; their callers stand once, and what several ask with as well."""
    places = {caller.digest: place for place, caller in enumerate(callers)}
    request = messages.request()
    asks = request.asks
    asks.caller_digests.extend(places)
    asks.caller_tokens.extend(tokens)
    arguments: dict[bytes, int] = {}
    for run in runs:
        request.keys.extend(run.keys)
        asks.run_caller.append(places[run.caller.digest])
        asks.run_length.append(len(run.keys))
        asks.run_want.append(run.want)
        asks.run_arguments.append(0 if run.arguments is None else _place(arguments, run.arguments, request))
    return request


def _place(places: dict[bytes, int], arguments: Message, request: Any) -> int:
    told = arguments.SerializeToString(deterministic=True)
    if told not in places:
        places[told] = len(places) + 1
        request.arguments.append(arguments)
    return places[told]


def values_of(
    messages: Messages, runs: Sequence[Run], answer: Any
) -> Iterator[tuple[Run, int, Values | None]]:
    """What each run gets of each read that it wants, by bit; None where its caller's token is not known."""
    for bit, field in messages.fields.items():
        wanting = [(place, run) for place, run in enumerate(runs) if bit in run.wants]
        if wanting:
            yield from _of_read(bit, wanting, getattr(answer, field), is_there=answer.HasField(field))


def _of_read(
    bit: int, runs: Sequence[tuple[int, Run]], part: Any, *, is_there: bool
) -> Iterator[tuple[Run, int, Values | None]]:
    if not is_there:
        # A replica of before this read.
        yield from ((run, bit, [Unavailable()] * len(run.keys)) for _, run in runs)
        return
    items, errors = list(part.items), {each.run: each for each in part.errors}
    results: Sequence[int] = part.results or range(len(items))
    if len(results) != sum(len(run.keys) for _, run in runs):
        raise AnswerWrong("has another number of results than was asked for")
    start = 0
    for place, run in runs:
        told = results[start : start + len(run.keys)]
        start += len(run.keys)
        if UNKNOWN_TOKEN in told:
            yield run, bit, None
        else:
            yield run, bit, [_value(each, items, errors.get(place)) for each in told]


def _value(result: int, items: Sequence[Message], error: sharing_pb2.SharedError | None) -> Any:
    if result >= len(items):
        raise AnswerWrong("has fewer items than its results say")
    if result >= 0:
        return items[result]
    if result == MISSING:
        return None
    if result in _REFUSED:
        return _REFUSED[result]()
    return Unavailable() if error is None else error_of(error.status)


def error_of(status: bytes) -> grpc.aio.AioRpcError:
    """What a call of its own would have raised, of its google.rpc.Status."""
    rich = rpc_status.to_status(Status.FromString(status))
    trailing = grpc.aio.Metadata(*(rich.trailing_metadata or ()))
    return grpc.aio.AioRpcError(rich.code, grpc.aio.Metadata(), trailing, rich.details)
