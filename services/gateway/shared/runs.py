"""What waits for the next shared call: runs of keys, of which callers take turns."""

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from opentelemetry.trace import Span

from libs.common.errors import InvalidRequest, Overloaded
from services.gateway.shared.callers import Caller

KEY_LENGTH_MAX = 1024
KEYS_MAX, CALLERS_MAX = 500, 128
"""In one call."""
BYTES_MAX = 2 * 1024 * 1024
"""Of keys and arguments in one call; services take messages of 4 MiB."""
WAITING_MAX, WAITING_OF_CALLER_MAX = 20_000, 5_000
"""Keys that wait for a call; a caller's are as many as some operations may ask for."""

Values = Sequence[Any]
"""What became of each key: the result, None where there is none, the error that it met."""


class Waiter(asyncio.Future[Values]):
    """Who waits for a read of a run, `until` when by the monotonic clock."""

    until = math.inf


@dataclass(slots=True, eq=False)
class Run:
    """Keys of which one caller asks the same; `wants` are the reads by bit, and who waits for each.

    `arguments` is what is asked with, None for nothing; `span` where the
    first who asked stands in their trace.
    """

    caller: Caller
    keys: Sequence[Any]
    arguments: Message | None
    size: int
    span: Span
    name: Hashable
    wants: dict[int, list[Waiter]] = field(default_factory=dict)

    @property
    def want(self) -> int:
        """The reads as a set of bits."""
        return sum(self.wants)

    def waiters(self) -> list[Waiter]:
        """Those who still wait."""
        return [each for waiters in self.wants.values() for each in waiters if not each.done()]

    def is_left(self) -> bool:
        """Whether nobody waits for it any more."""
        return all(each.done() for waiters in self.wants.values() for each in waiters)

    def fail(self, error: BaseException) -> None:
        """Tell those who still wait that it failed."""
        for waiter in self.waiters():
            waiter.set_exception(error)


class Waiting:
    """Runs in the order in which they leave: one of each caller in turn."""

    def __init__(self) -> None:
        self._turns: OrderedDict[Hashable, deque[Run]] = OrderedDict()
        self._open: dict[Hashable, Run] = {}
        self._keys_of: dict[Hashable, int] = {}
        self.keys_count = 0
        self.asks_count = 0
        """How often anything was asked; more of it, and more still comes in."""

    def __bool__(self) -> bool:
        return bool(self._turns)

    def run(self, caller: Caller, keys: Sequence[Any], arguments: Message | None, span: Span) -> Run:
        """The waiting run of a caller with these keys and arguments, or a new one; else Overloaded.

        The keys are texts or messages, not both. InvalidRequest where no service would take them.
        """
        self.asks_count += 1
        told = b"" if arguments is None else arguments.SerializeToString(deterministic=True)
        # Who asks for the same again is shown the same; everything of a member is asked for together.
        are_texts = isinstance(keys[0], str)
        names = tuple(keys if are_texts else [key.SerializeToString() for key in keys])
        name = (caller.digest, told, names)
        if name in self._open:
            return self._open[name]
        if are_texts:
            _require_sendable(keys)
        waiting = self._keys_of.get(caller.name, 0)
        if self.keys_count + len(keys) > WAITING_MAX or waiting + len(keys) > WAITING_OF_CALLER_MAX:
            raise Overloaded
        size = len(told) + sum(map(len, names))
        run = self._open[name] = Run(caller, keys, arguments, size, span, name)
        self._turns.setdefault(caller.name, deque()).append(run)
        self._count(run, len(keys))
        return run

    def leave(self) -> list[Run]:
        """The runs that go together next: as many as fit into a call, one of each caller in turn."""
        leaving: list[Run] = []
        keys, size, callers = 0, 0, set[bytes]()
        while self._turns:
            name, runs = next(iter(self._turns.items()))
            run = runs[0]
            if not run.is_left():
                full = keys + len(run.keys) > KEYS_MAX or size + run.size > BYTES_MAX
                if leaving and (full or len(callers | {run.caller.digest}) > CALLERS_MAX):
                    break
                leaving.append(run)
                keys, size = keys + len(run.keys), size + run.size
                callers.add(run.caller.digest)
            runs.popleft()
            del self._open[run.name]
            self._count(run, -len(run.keys))
            if runs:
                self._turns.move_to_end(name)
            else:
                del self._turns[name]
        return leaving

    def _count(self, run: Run, keys: int) -> None:
        self.keys_count += keys
        self._keys_of[run.caller.name] = left = self._keys_of.get(run.caller.name, 0) + keys
        if not left:
            del self._keys_of[run.caller.name]


def _require_sendable(keys: Sequence[str]) -> None:
    """Refuse what no service would take, before it is in a call with others."""
    for key in keys:
        if len(key) > KEY_LENGTH_MAX or not (key.isascii() or _is_text(key)):
            raise InvalidRequest(keys=f"are texts of at most {KEY_LENGTH_MAX} characters")


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
