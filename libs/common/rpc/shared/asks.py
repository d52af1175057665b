"""The asks of a shared call: keys in runs, each of one caller who asks the same of all of its keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from laurel.common.v1 import sharing_pb2
from libs.common.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a call: whose, what they ask for by bits, with which arguments, of which keys.

    `place` is its own among the runs, `caller` that of its caller, `arguments` from 1 on, 0 for none.
    """

    place: int
    caller: int
    want: int
    arguments: int
    keys: Sequence[Any]


def is_shared(method: str) -> bool:
    """Whether a method is a shared call: it is named BatchRead."""
    return method.endswith("/BatchRead")


def wanted(answer: type[Message], field: str) -> int:
    """The bit that asks for a field of an answer."""
    return int(1 << (answer.DESCRIPTOR.fields_by_name[field].number - 1))


def runs_of(request: Any) -> list[Run]:
    """The runs of a BatchReadRequest, or InvalidRequest where they do not fit together."""
    asks: sharing_pb2.SharedAsks = request.asks
    if not len(asks.run_caller) == len(asks.run_length) == len(asks.run_want) == len(asks.run_arguments):
        raise InvalidRequest(asks="each run has a caller, a length, what it wants and its arguments")
    if sum(asks.run_length) != len(request.keys):
        raise InvalidRequest(keys="are not as many as the runs have")
    if max(asks.run_caller) >= len(asks.caller_digests):
        raise InvalidRequest(asks="run_caller is no place in caller_digests")
    arguments = len(getattr(request, "arguments", ()))
    if max(asks.run_arguments) > arguments:
        raise InvalidRequest(asks="run_arguments is no place in arguments")
    return list(_runs(asks, request.keys))


def _runs(asks: sharing_pb2.SharedAsks, keys: Sequence[Any]) -> Iterator[Run]:
    start = 0
    told = zip(asks.run_caller, asks.run_length, asks.run_want, asks.run_arguments, strict=True)
    for place, (caller, length, want, arguments) in enumerate(told):
        yield Run(place, caller, want, arguments, keys[start : start + length])
        start += length
