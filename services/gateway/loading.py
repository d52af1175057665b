"""How loaders ask: one call for all keys of a level, and what an answer per key means."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from laurel.common.v1 import lookup_pb2
from libs.common.errors import Unavailable

KEYS_MAX = 500
"""Keys in one call; loaders split what is above."""

A = TypeVar("A", bound=Hashable)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def found(status: "lookup_pb2.LookupStatus.ValueType", record: T) -> T | Unavailable | None:
    """The record of a key, None when there is none, the refusal when it could not be read."""
    if status == lookup_pb2.LOOKUP_STATUS_FOUND:
        return record
    return None if status == lookup_pb2.LOOKUP_STATUS_MISSING else Unavailable()


def shown(values: Iterable[Any], record: Callable[[Any], T]) -> list[T | Exception | None]:
    """The record of each result of a shared call; None where there is none, the error that a key met."""
    return [
        value if value is None or isinstance(value, Exception) else found(value.status, record(value))
        for value in values
    ]


async def for_each_argument(
    keys: Sequence[tuple[K, A]], load: Callable[[list[K], A], Awaitable[Sequence[T | Exception]]]
) -> list[T | Exception]:
    """Load keys that come with an argument of the call: one call per argument, all at once.

    A call that fails costs its own keys only.
    """
    wanted: dict[A, list[K]] = {}
    for key, argument in keys:
        wanted.setdefault(argument, []).append(key)
    answers = await asyncio.gather(
        *(load(group, argument) for argument, group in wanted.items()), return_exceptions=True
    )
    loaded: dict[tuple[K, A], T | Exception] = {}
    for (argument, group), answer in zip(wanted.items(), answers, strict=True):
        if isinstance(answer, Exception):
            loaded |= dict.fromkeys(((key, argument) for key in group), answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            loaded |= zip(((key, argument) for key in group), answer, strict=True)
    return [loaded[key] for key in keys]
