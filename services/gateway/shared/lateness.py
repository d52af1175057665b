"""Who waits too long: one timer for all who wait for a service, as nearly all are answered in time."""

import asyncio
import contextvars
import math
import time

from libs.common.errors import DeadlineExceeded
from services.gateway.shared.runs import Run

SECONDS_MIN = 0.001


class Lateness:
    """Tells those who wait for some runs when they are out of time, each at their own."""

    def __init__(self) -> None:
        self._runs: set[Run] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._until = math.inf

    def watch(self, run: Run, until: float) -> None:
        """Somebody waits for this run until then, by the monotonic clock."""
        self._runs.add(run)
        if until < self._until:
            self._wake(until)

    def forget(self, run: Run) -> None:
        """Nobody waits for this run any more."""
        self._runs.discard(run)

    def close(self) -> None:
        """Watch nobody any more."""
        self._runs.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._until = until
        seconds = max(SECONDS_MIN, until - time.monotonic())
        # In nobody's context, as who is told may be anybody.
        loop, context = asyncio.get_running_loop(), contextvars.Context()
        self._timer = loop.call_later(seconds, self._tell, context=context)

    def _tell(self) -> None:
        """Tell who is late, and wake for the next; runs that everybody left are forgotten."""
        now, self._timer, self._until = time.monotonic(), None, math.inf
        waiters = [each for run in self._runs for each in run.waiters()]
        for waiter in waiters:
            if waiter.until <= now:
                waiter.set_exception(DeadlineExceeded())
        self._runs = {run for run in self._runs if not run.is_left()}
        if self._runs:
            self._wake(min(each.until for each in waiters if not each.done()))
