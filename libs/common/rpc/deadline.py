"""How much time the call being served has left, for everything that it runs."""

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(seconds: float | None) -> None:
    """Say that this task has so many seconds left."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def seconds_left(at_most: float) -> float:
    """Seconds left in this task, `at_most` where nobody set a deadline; never below a millisecond."""
    deadline = _deadline.get()
    return at_most if deadline is None else max(0.001, min(at_most, deadline - time.monotonic()))
