"""What benefits does on the clock: look whether the points of every program sum to nothing; send notices."""

import asyncio
import time
from collections.abc import Mapping

from prometheus_client import Counter, Gauge
from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.leases import Leases
from libs.common.telemetry import log
from services.benefits.handlers.sending import Sending
from services.benefits.handlers.times import ProgramTimes
from services.benefits.handlers.verification import VerificationHandlers

LEDGER_SUM, NOTICES = "ledger_sum", "notices"
EVERY_SECONDS = 60.0
LEASE_SECONDS = 1.0
SEND_SECONDS = 1.0

LEDGER_SUM_POINTS = Gauge(
    "laurel_ledger_sum_points", "Sum of all balances of a program, the issuer's included: 0.", ["program"]
)
LEDGER_SUMMED_TIME = Gauge(
    "laurel_ledger_summed_timestamp_seconds", "When the balances were summed, by the machine's clock."
)
NOTICES_SENT = Counter("laurel_notices_sent_total", "Notices that were handed to the channels.")
NOTICES_LATE_SECONDS = Gauge(
    "laurel_notices_late_seconds",
    "By a program's clock, how long its oldest notice has been due that is not sent; 0 when none is due.",
    ["program"],
)


class LedgerIdentity:
    """Publishes the sums from the replica that holds the lease; from others they would only grow old."""

    def __init__(
        self, verification: VerificationHandlers, leases: Leases, *, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._verification, self._leases, self._every_seconds = verification, leases, every_seconds
        self._told: set[str] = set()
        self._due = float("-inf")

    async def run(self) -> None:
        """Sum again and again until cancelled; what is down is waited for, and not told meanwhile."""
        while True:
            if LEDGER_SUM not in self._leases.held():
                self._tell({})
                self._due = float("-inf")
            elif time.monotonic() >= self._due:
                self._due = time.monotonic() + self._every_seconds
                await self.run_once()
            await asyncio.sleep(LEASE_SECONDS)

    async def run_once(self) -> None:
        """Sum once, and say what came out."""
        try:
            sums = await self._verification.sums()
        except (PyMongoError, Refusal) as error:
            log("jobs").warning("interrupted", job=LEDGER_SUM, error=type(error).__name__)
            self._tell({})
            return
        self._tell(sums)
        LEDGER_SUMMED_TIME.set_to_current_time()
        if broken := [program_id for program_id, points in sums.items() if points]:
            log("jobs").error("the ledger does not sum to nothing", programs=broken[:20])

    def _tell(self, sums: Mapping[str, int]) -> None:
        for program_id in self._told - set(sums):
            LEDGER_SUM_POINTS.remove(program_id)
        for program_id, points in sums.items():
            LEDGER_SUM_POINTS.labels(program_id).set(points)
        self._told = set(sums)


class NoticeSending:
    """Sends notices in the replica that holds the lease; a second one would find them sent."""

    def __init__(
        self, sending: Sending, times: ProgramTimes, leases: Leases, *, every_seconds: float = SEND_SECONDS
    ) -> None:
        self._sending, self._times, self._leases = sending, times, leases
        self._every_seconds = every_seconds
        self._told: set[str] = set()

    async def run(self) -> None:
        """Send what is due, again and again until cancelled; what is down is waited for."""
        while True:
            late: Mapping[str, float] = {}
            if NOTICES in self._leases.held():
                try:
                    late = await self.run_once()
                except (PyMongoError, Refusal, TimeoutError) as error:
                    log("jobs").warning("interrupted", job=NOTICES, error=type(error).__name__)
                except Exception:
                    # Such as what a newer replica has stored: it must not end the process.
                    log("jobs").exception("failed", job=NOTICES)
            self._tell(late)
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> dict[str, float]:
        """Send what is due in each program that has something to send; gives how late each is still."""
        times = await self._times.all()
        waiting = [each for each in await self._sending.waiting() if each in times]
        for program_id in waiting:
            try:
                NOTICES_SENT.inc(await self._sending.send(program_id, times[program_id]))
            except (PyMongoError, Refusal, TimeoutError) as error:
                what = type(error).__name__
                log("jobs").warning("interrupted", job=NOTICES, program_id=program_id, error=what)
            except Exception:
                # What is wrong with the notices of one program must not keep all others waiting.
                log("jobs").exception("failed", job=NOTICES, program_id=program_id)
        return {each: await self._sending.late_seconds(each, times[each]) for each in waiting}

    def _tell(self, late: Mapping[str, float]) -> None:
        for program_id in self._told - set(late):
            NOTICES_LATE_SECONDS.remove(program_id)
        for program_id, seconds in late.items():
            NOTICES_LATE_SECONDS.labels(program_id).set(seconds)
        self._told = set(late)
