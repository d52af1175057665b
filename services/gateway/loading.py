"""How loaders ask: one call for all keys of a level, and what an answer per key means."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from google.protobuf.message import Message

from laurel.common.v1 import lookup_pb2
from libs.common.errors import Unavailable
from services.gateway.shared.sharer import Shared

KEYS_MAX = 500
"""Keys in one call; loaders split what is above."""

_FOUND = lookup_pb2.LOOKUP_STATUS_FOUND

A = TypeVar("A", bound=Hashable)
H = TypeVar("H")
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


class ending_together:  # noqa: N801 - reads as what it does: `with ending_together()`
    """What is begun inside ends with it: a request that is gone leaves no work that nobody waits for."""

    __slots__ = ("_token", "_work")

    def __enter__(self) -> None:
        self._work = _Work()
        self._token: Token[_Work | None] = _WORK.set(self._work)

    def __exit__(self, *_: object) -> None:
        _WORK.reset(self._token)
        self._work.is_over = True
        for each in self._work.begun:
            each.cancel()
        self._work.begun.clear()  # they know it by their context: a circle, which none of them outlives


def begin(doing: _Coming[T]) -> asyncio.Future[T]:
    """Work of a request, which ends with the request; a coroutine runs as a task."""
    begun = doing if isinstance(doing, asyncio.Future) else asyncio.get_running_loop().create_task(doing)
    work = _WORK.get()
    if work is not None:
        work.begun.append(begun)
        if work.is_over:
            begun.cancel()
    return begun


class made_once(Generic[H, T]):  # noqa: N801 - a decorator
    """An attribute that is made when it is asked for first: functools' own takes a lock each time."""

    def __init__(self, make: Callable[[H], T]) -> None:
        self._make, self._name = make, make.__name__

    def __get__(self, holder: H, _: object) -> T:
        made = holder.__dict__[self._name] = self._make(holder)
        return made


class Batch(Generic[K]):
    """Keys that leave together, and who waits for them."""

    __slots__ = ("keys", "waiting")

    def __init__(self, keys: list[K]) -> None:
        self.keys = keys
        self.waiting: list[Told] = []


class DataLoader(Generic[K, T]):
    """What one request reads by key: each key once, and those of one turn of the loop in one call.

    A resolver awaits `load`; a plan asks for the keys of a whole level and is told when they are there.
    Where most requests have one, `load` is no method of who holds it: a circle stays until it is looked for.
    """

    __slots__ = ("_answers", "_coming", "_keys_max", "_load", "_next")

    def __init__(
        self, load: Callable[[list[K]], _Coming[Sequence[T | BaseException]]], *, max_batch_size: int
    ) -> None:
        self._load, self._keys_max = load, max_batch_size
        self._begin_empty()

    def _begin_empty(self) -> None:
        self._answers: dict[K, T | BaseException] = {}
        self._coming: dict[K, Batch[K]] = {}
        self._next: dict[Hashable, Batch[K]] = {}

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

        if self._asked((key,), settle, self._joined):
            settle()
        return future

    def ask(self, keys: Iterable[K], told: Told) -> bool:
        """Have these loaded: whether all are there already; else `told` is called once, when they are."""
        return self._asked(keys, told, self._begun)

    def answer(self, key: K) -> T | BaseException:
        """What was loaded for a key that is there, or why it could not be."""
        return self._answers[key]

    def answers(self, keys: Iterable[K]) -> list[T | BaseException]:
        """The same of many."""
        return list(map(self._answers.__getitem__, keys))

    def _asked(self, keys: Iterable[K], told: Told, begun: Callable[[list[K]], Iterable[Batch[K]]]) -> bool:
        answers, coming = self._answers, self._coming
        new: dict[K, None] = {}
        batches: dict[Batch[K], None] = {}
        for key in keys:
            if key not in answers:
                if key in coming:
                    batches[coming[key]] = None
                else:
                    new[key] = None
        if new:
            batches |= dict.fromkeys(begun(list(new)))
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

    def _begun(self, keys: list[K]) -> Iterable[Batch[K]]:
        """The batches with which new keys leave."""
        return self._joined(keys)

    def _joined(self, keys: list[K]) -> Iterable[Batch[K]]:
        """The batches of this turn of the loop, with these keys."""
        for key in keys:
            argument = self._argument(key)
            batch = self._next.get(argument)
            if batch is None or len(batch.keys) >= self._keys_max:
                batch = self._next[argument] = Batch([])
                asyncio.get_running_loop().call_soon(self._leave, argument, batch)
            batch.keys.append(key)
            self._coming[key] = batch
            yield batch

    def _left(self, keys: list[K]) -> Iterable[Batch[K]]:
        """The batches with which these keys have left at once; what was refused is answered."""
        for start in range(0, len(keys), self._keys_max):
            batch = Batch(keys[start : start + self._keys_max])
            self._coming.update(dict.fromkeys(batch.keys, batch))
            if self._leaves(batch):
                yield batch

    def _argument(self, _: K) -> Hashable:
        """What the keys of one call have in common."""
        return None

    def _leave(self, argument: Hashable, batch: Batch[K]) -> None:
        if self._next.get(argument) is batch:
            del self._next[argument]
        self._leaves(batch)

    def _leaves(self, batch: Batch[K]) -> bool:
        """Whether a batch is on its way; else it was refused before anything was asked, and is answered."""
        try:
            begin(self._call(batch.keys)).add_done_callback(partial(self._came, batch))
        except Exception as error:
            self._settle(batch, dict.fromkeys(batch.keys, error))
            return False
        return True

    def _call(self, keys: list[K]) -> _Coming[Sequence[Any]]:
        """What becomes of keys that leave together."""
        return self._load(keys)

    def _found(self, keys: Sequence[K], answers: Sequence[Any]) -> Mapping[K, T | BaseException]:
        """What the answers of a call tell of its keys."""
        return dict(zip(keys, answers, strict=True))

    def _came(self, batch: Batch[K], answers: asyncio.Future[Sequence[Any]]) -> None:
        found: Mapping[K, T | BaseException]
        try:
            found = self._found(batch.keys, answers.result())
        except asyncio.CancelledError:
            found = dict.fromkeys(batch.keys, Unavailable())
        except Exception as error:
            found = dict.fromkeys(batch.keys, error)
        self._settle(batch, found)

    def _settle(self, batch: Batch[K], found: Mapping[K, T | BaseException]) -> None:
        """Answer each key of a batch; nobody who waits for it is forgotten, whatever happened."""
        self._answers.update(found)
        for key in batch.keys:
            del self._coming[key]
        for told in batch.waiting:
            told()


@dataclass(frozen=True, slots=True)
class SharedRead:
    """A read that is shared: the field of the answer that has its results, and what is kept of each.

    Where `arguments` makes those of a call, a key comes with what it is asked with: (key, asked).
    """

    field: str
    record: Callable[[Any], Any]
    seconds: float
    arguments: Callable[[Any], Message] | None = None


class SharedLoader(DataLoader[K, T]):
    """What one request reads by key in calls that it shares with others.

    The keys of a level leave at once, as calls wait for more by themselves; those of resolvers by turns.
    """

    __slots__ = ("_read", "_shared")

    def __init__(self, shared: Shared, read: SharedRead) -> None:
        self._shared, self._read, self._keys_max = shared, read, KEYS_MAX
        self._begin_empty()

    def _argument(self, key: Any) -> Hashable:
        return None if self._read.arguments is None else key[1]

    def _begun(self, keys: list[Any]) -> Iterable[Batch[Any]]:
        if self._read.arguments is None:
            return self._left(keys)
        groups: dict[Hashable, list[Any]] = {}
        for key in keys:
            groups.setdefault(key[1], []).append(key)
        return [batch for group in groups.values() for batch in self._left(group)]

    def _call(self, keys: list[Any]) -> asyncio.Future[Sequence[Any]]:
        read = self._read
        if read.arguments is None:
            return self._shared.read(read.field, keys, seconds=read.seconds)
        asked = read.arguments(keys[0][1])
        return self._shared.read(read.field, [key for key, _ in keys], asked, seconds=read.seconds)

    def _found(self, keys: Sequence[K], answers: Sequence[Any]) -> Mapping[K, Any]:
        record, found_all = self._read.record, {}
        for key, value in zip(keys, answers, strict=True):
            if value is not None and not isinstance(value, Exception):
                value = record(value) if value.status == _FOUND else found(value.status, None)  # noqa: PLW2901
            found_all[key] = value
        return found_all


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
