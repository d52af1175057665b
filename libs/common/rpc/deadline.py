"""How much time the call being served has left, for everything that it runs."""

import asyncio
import time
from contextvars import ContextVar
from types import TracebackType

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(seconds: float | None) -> None:
    """Say that this task has so many seconds left."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def seconds_left(at_most: float) -> float:
    """Seconds left in this task, `at_most` where nobody set a deadline; never below a millisecond."""
    deadline = _deadline.get()
    return at_most if deadline is None else max(0.001, min(at_most, deadline - time.monotonic()))


def latest(seconds: float) -> float:
    """Until when something may take so many seconds, by the monotonic clock; the task's deadline at most."""
    until, deadline = time.monotonic() + seconds, _deadline.get()
    return until if deadline is None or until < deadline else deadline


class Within:
    """Ends what takes longer than so many seconds with TimeoutError: asyncio.timeout at a third of its cost.

    Each call that we answer is in one, so the cost counts; it is not nested
    and not moved, which is what asyncio's can and pays for.
    """

    __slots__ = ("_late", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds, self._late = seconds, False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "calls are answered in tasks"
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Somebody else may have cancelled the task as well, and then it is cancelled.
        if self._late and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._late = True
        self._task.cancel()
