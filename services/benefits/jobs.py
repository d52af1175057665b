"""What benefits does on the clock: look whether the points of every program sum to nothing."""

import asyncio
import time
from collections.abc import Mapping

from prometheus_client import Gauge
from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.leases import Leases
from libs.common.telemetry import log
from services.benefits.handlers.verification import VerificationHandlers

LEDGER_SUM = "ledger_sum"
EVERY_SECONDS = 60.0
LEASE_SECONDS = 1.0

LEDGER_SUM_POINTS = Gauge(
    "laurel_ledger_sum_points", "Sum of all balances of a program, the issuer's included: 0.", ["program"]
)
LEDGER_SUMMED_TIME = Gauge(
    "laurel_ledger_summed_timestamp_seconds", "When the balances were summed, by the machine's clock."
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
