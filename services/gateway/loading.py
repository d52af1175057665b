"""How loaders ask: one call for all keys of a level, and what an answer per key means."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, cast

from laurel.common.v1 import lookup_pb2
from libs.common.errors import Unavailable

KEYS_MAX = 500
"""Keys in one call; loaders split what is above."""

A = TypeVar("A", bound=Hashable)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Told = Callable[[], None]


class _Work:
    """The tasks of a request."""

    __slots__ = ("is_over", "tasks")

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
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
        for task in work.tasks:
            task.cancel()


def begin(doing: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Work of a request as a task, which ends with the request."""
    task = asyncio.get_running_loop().create_task(doing)
    work = _WORK.get()
    if work is not None:
        work.tasks.append(task)
        if work.is_over:
            task.cancel()
    return task


class _Batch(Generic[K]):
    """Keys that leave together, and who waits for them."""

    __slots__ = ("keys", "waiting")

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.waiting: list[Told] = []


class DataLoader(Generic[K, T]):
    """What one request reads by key: each key once, and those of one turn of the loop in one call.

    A resolver awaits `load`; a plan asks for the keys of a whole level and is told when they are there.
    """

    def __init__(
        self, load: Callable[[list[K]], Awaitable[Sequence[T | BaseException]]], *, max_batch_size: int
    ) -> None:
        self._load, self._keys_max = load, max_batch_size
        self._answers: dict[K, T | BaseException] = {}
        self._coming: dict[K, _Batch[K]] = {}
        self._next: _Batch[K] | None = None

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

    def ask(self, keys: Iterable[K], told: Told) -> bool:
        """Have these loaded: whether all are there already; else `told` is called once, when they are."""
        batches = {self._batch(key): None for key in keys if key not in self._answers}
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

    def _batch(self, key: K) -> _Batch[K]:
        """The batch with which a key comes: one that is under way, or the next."""
        coming = self._coming.get(key)
        if coming is not None:
            return coming
        batch = self._next
        if batch is None or len(batch.keys) >= self._keys_max:
            batch = self._next = _Batch()
            asyncio.get_running_loop().call_soon(self._leave, batch)
        batch.keys.append(key)
        self._coming[key] = batch
        return batch

    def _leave(self, batch: _Batch[K]) -> None:
        if self._next is batch:
            self._next = None
        begin(self._read(batch))

    async def _read(self, batch: _Batch[K]) -> None:
        """Answer each key of a batch; nobody who waits for it is forgotten, whatever happens."""
        found: dict[K, T | BaseException] = dict.fromkeys(batch.keys, Unavailable())
        try:
            found = dict(zip(batch.keys, await self._load(batch.keys), strict=True))
        except Exception as error:
            found = dict.fromkeys(batch.keys, error)
        finally:
            self._answers.update(found)
            for key in batch.keys:
                del self._coming[key]
            for told in batch.waiting:
                told()


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
