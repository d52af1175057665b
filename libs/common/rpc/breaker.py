"""A circuit breaker: a service that does not answer is left alone for a while, and then tried by one call."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from libs.common.errors import Unavailable
from libs.common.telemetry import log

WINDOW_SECONDS = 10.0
CALLS_KEPT = 500
"""Calls that are looked back at, within the window."""
FAILURES_MIN = 5
"""Fewer say nothing. A service that hangs is asked about once a second, as reads are shared."""
OPEN_SECONDS = 1.0
"""Who asks meanwhile is refused at once; about as long as a replica takes to be back."""

BREAKERS_OPEN = Gauge("laurel_breaker_open", "Whether a service is left alone, by service.", ["service"])
BREAKER_REFUSED = Counter(
    "laurel_breaker_refused_total", "Calls that were not made, as their service is left alone.", ["service"]
)


class LeftAlone(Unavailable):
    """The service did not answer lately, and is not asked now."""

    def __init__(self, *, seconds: float = OPEN_SECONDS, **facts: object) -> None:
        super().__init__(**facts)
        self.retry_after_seconds = seconds


@dataclass(frozen=True, slots=True)
class Pass:
    """One call that may be made; of a probe much depends."""

    probe: bool


class Breaker:
    """Closed, calls pass; open, none does; half-open, one does, and shows which of both it will be.

    It opens when at least five calls of the last ten seconds failed, and half
    of all: one caller's slow questions among many good answers open nothing.
    """

    def __init__(self, service: str, now: Callable[[], float] = time.monotonic) -> None:
        self._service, self._now = service, now
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False
        self._gauge, self._refused = BREAKERS_OPEN.labels(service), BREAKER_REFUSED.labels(service)
        self._gauge.set(0)

    def enter(self) -> Pass:
        """Let a call be made, which has to be `ended`; or LeftAlone."""
        if self._open_until is None:
            return Pass(probe=False)
        left = self._open_until - self._now()
        if left > 0 or self._probing:
            self._refused.inc()
            raise LeftAlone(service=self._service, seconds=OPEN_SECONDS if self._probing else left)
        self._probing = True
        return Pass(probe=True)

    def ended(self, call: Pass, *, failed: bool | None) -> None:
        """Say how a call ended; None for one that its caller gave up, which shows nothing."""
        if call.probe:
            self._probing = False
            if failed is not None:
                self._probed(failed=failed)
        elif failed is not None and self._open_until is None:
            self._count(failed=failed)

    def _probed(self, *, failed: bool) -> None:
        if failed:
            self._open_until = self._now() + OPEN_SECONDS
            return
        self._open_until, self._failures = None, 0
        self._calls.clear()
        self._gauge.set(0)
        log("breaker").info("closed", callee=self._service)

    def _count(self, *, failed: bool) -> None:
        now = self._now()
        self._calls.append((now, failed))
        self._failures += failed
        while len(self._calls) > CALLS_KEPT or self._calls[0][0] <= now - WINDOW_SECONDS:
            _, forgotten = self._calls.popleft()
            self._failures -= forgotten
        if failed and self._failures >= FAILURES_MIN and 2 * self._failures >= len(self._calls):
            self._open_until = now + OPEN_SECONDS
            self._gauge.set(1)
            log("breaker").warning("opened", callee=self._service)
