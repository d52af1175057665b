"""How loaders ask: one call for all keys of a level, and what an answer per key means."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, TypeVar, cast

from google.protobuf.message import Message

from laurel.common.v1 import lookup_pb2
from libs.common.errors import Unavailable
from services.gateway.shared.sharer import Shared

KEYS_MAX = 500
"""Keys in one call; loaders split what is above."""

A = TypeVar("A", bound=Hashable)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Told = Callable[[], None]
_Coming = Coroutine[Any, Any, T] | asyncio.Future[T]


class _Work:
    """What a request began and may not have ended."""

    __slots__ = ("begun", "is_over")

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[Any]] = []
        self.is_over = False


_WORK: ContextVar[_Work | None] = ContextVar("work_of_a_request", default=None)


@contextmanager
def ending_together() -> Iterator[None]:
    """What is begun inside ends with it: a request that is gone leaves no work that nobody waits for."""
    work = _Work()
    token = _WORK.set(work)
    try:
        yield
    finally:
        _WORK.reset(token)
        work.is_over = True
        for each in work.begun:
            each.cancel()
        work.begun.clear()  # they know it by their context: a circle, which none of them outlives


def begin(doing: _Coming[T]) -> asyncio.Future[T]:
    """Work of a request, which ends with the request; a coroutine runs as a task."""
    begun = doing if isinstance(doing, asyncio.Future) else asyncio.get_running_loop().create_task(doing)
    work = _WORK.get()
    if work is not None:
        work.begun.append(begun)
        if work.is_over:
            begun.cancel()
    return begun


class _Batch(Generic[K]):
    """Keys that leave together, and who waits for them."""

    __slots__ = ("keys", "waiting")

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.waiting: list[Told] = []


class DataLoader(Generic[K, T]):
    """What one request reads by key: each key once, and those of one turn of the loop in one call.

    A resolver awaits `load`; a plan asks for the keys of a whole level and is told when they are there.
    Where most requests have one, `load` is no method of who holds it: a circle stays until it is looked for.
    """

    def __init__(
        self, load: Callable[[list[K]], _Coming[Sequence[T | BaseException]]], *, max_batch_size: int
    ) -> None:
        self._load, self._keys_max = load, max_batch_size
        self._answers: dict[K, T | BaseException] = {}
        self._coming: dict[K, _Batch[K]] = {}
        self._next: dict[Hashable, _Batch[K]] = {}

    def load(self, key: K) -> asyncio.Future[T]:
        """The answer to one key."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def settle() -> None:
            if future.done():
                return
            answer = self._answers[key]
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        if self.ask((key,), settle):
            settle()
        return future

    async def each(self, keys: Sequence[K]) -> list[T | BaseException]:
        """The answer to each of some keys, or why there is none."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.ask(keys, lambda: None if future.done() else future.set_result(None)):
            await future
        return [self._answers[key] for key in keys]

    def ask(self, keys: Iterable[K], told: Told) -> bool:
        """Have these loaded: whether all are there already; else `told` is called once, when they are."""
        answers, coming = self._answers, self._coming
        batches: dict[_Batch[K], None] = {}
        for key in keys:
            if key not in answers:
                batches[coming.get(key) or self._joined(key)] = None
        if not batches:
            return True
        left = len(batches)

        def one_is_there() -> None:
            nonlocal left
            left -= 1
            if not left:
                told()

        for batch in batches:
            batch.waiting.append(one_is_there if left > 1 else told)
        return False

    def answer(self, key: K) -> T | BaseException:
        """What was loaded for a key that is there, or why it could not be."""
        return self._answers[key]

    def _joined(self, key: K) -> _Batch[K]:
        """The batch with which a key leaves."""
        argument = self._argument(key)
        batch = self._next.get(argument)
        if batch is None or len(batch.keys) >= self._keys_max:
            batch = self._next[argument] = _Batch()
            asyncio.get_running_loop().call_soon(self._leave, argument, batch)
        batch.keys.append(key)
        self._coming[key] = batch
        return batch

    def _argument(self, _: K) -> Hashable:
        """What the keys of one call have in common."""
        return None

    def _leave(self, argument: Hashable, batch: _Batch[K]) -> None:
        if self._next.get(argument) is batch:
            del self._next[argument]
        try:
            begin(self._load(batch.keys)).add_done_callback(partial(self._came, batch))
        except Exception as error:  # refused before anything was asked
            self._settle(batch, dict.fromkeys(batch.keys, error))

    def _shown(self, answers: Sequence[Any]) -> Sequence[Any]:
        """What the answers of a call tell of its keys."""
        return answers

    def _came(self, batch: _Batch[K], answers: asyncio.Future[Sequence[Any]]) -> None:
        found: dict[K, T | BaseException]
        try:
            found = dict(zip(batch.keys, self._shown(answers.result()), strict=True))
        except asyncio.CancelledError:
            found = dict.fromkeys(batch.keys, Unavailable())
        except Exception as error:
            found = dict.fromkeys(batch.keys, error)
        self._settle(batch, found)

    def _settle(self, batch: _Batch[K], found: Mapping[K, T | BaseException]) -> None:
        """Answer each key of a batch; nobody who waits for it is forgotten, whatever happened."""
        self._answers.update(found)
        for key in batch.keys:
            del self._coming[key]
        for told in batch.waiting:
            told()


class SharedLoader(DataLoader[K, T]):
    """What one request reads by key in calls that it shares with others.

    `record` is what is kept of a result. Where `arguments` makes those of a call, a key comes with what it
    is asked with: (key, asked).
    """

    def __init__(
        self,
        shared: Shared,
        field: str,
        record: Callable[[Any], T],
        *,
        seconds: float,
        arguments: Callable[[Any], Message] | None = None,
    ) -> None:
        def ask(keys: list[Any]) -> asyncio.Future[Sequence[Any]]:
            if arguments is None:
                return shared.read(field, keys, seconds=seconds)
            asked = arguments(keys[0][1])
            return shared.read(field, [key for key, _ in keys], asked, seconds=seconds)

        super().__init__(ask, max_batch_size=KEYS_MAX)
        self._record, self._has_arguments = record, arguments is not None

    def _argument(self, key: Any) -> Hashable:
        return key[1] if self._has_arguments else None

    def _shown(self, answers: Sequence[Any]) -> Sequence[Any]:
        record = self._record
        return [
            value if value is None or isinstance(value, Exception) else found(value.status, record(value))
            for value in answers
        ]


def found(status: "lookup_pb2.LookupStatus.ValueType", record: T) -> T | Unavailable | None:
    """The record of a key, None when there is none, the refusal when it could not be read."""
    if status == lookup_pb2.LOOKUP_STATUS_FOUND:
        return record
    return None if status == lookup_pb2.LOOKUP_STATUS_MISSING else Unavailable()


async def each_by_itself(loads: Iterable[Awaitable[T]]) -> list[T]:
    """What each load gives, or its error at its place of the list; asked for together, so in one batch."""
    found = await asyncio.gather(*loads, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, Exception):
            raise each
    return cast(list[T], found)  # graphql-core tells an error in a list at its place


async def for_each_argument(
    keys: Sequence[tuple[K, A]], load: Callable[[list[K], A], Awaitable[Sequence[T | Exception]]]
) -> list[T | Exception]:
    """Load keys that come with an argument of the call: one call per argument, all at once.

    A call that fails costs its own keys only.
    """
    wanted: dict[A, list[K]] = {}
    for key, argument in keys:
        wanted.setdefault(argument, []).append(key)
    if len(wanted) == 1:
        return list(await load(*next((group, argument) for argument, group in wanted.items())))
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
