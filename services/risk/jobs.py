"""What risk does on the clock: end the reports whose time is over, as nobody announces that."""

import asyncio

from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.leases import Leases
from libs.common.telemetry import log
from services.risk.handlers.reports import ReportHandlers

EXPIRY = "report_expiry"
EVERY_SECONDS = 30.0
MEMBERS_MAX = 200


class ReportExpiry:
    """Ends reports in the replica that holds the lease; a second one would find nothing left to do."""

    def __init__(
        self, reports: ReportHandlers, leases: Leases, *, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._reports, self._leases, self._every_seconds = reports, leases, every_seconds

    async def run(self) -> None:
        """End what is due, again and again until cancelled; what is down is waited for."""
        while True:
            try:
                while EXPIRY in self._leases.held() and await self.run_once() == MEMBERS_MAX:
                    pass
            except (PyMongoError, Refusal, TimeoutError) as error:
                log("jobs").warning("interrupted", job=EXPIRY, error=type(error).__name__)
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> int:
        """End the reports of the members who wait longest, each member by themselves; gives how many."""
        done = 0
        for program_id, member_id in await self._reports.due(MEMBERS_MAX):
            try:
                await self._reports.expire(program_id, member_id)
                done += 1
            except (PyMongoError, Refusal, TimeoutError):
                raise
            except Exception:
                # One member with a record that we cannot read must not keep all others restricted.
                log("jobs").exception("failed", job=EXPIRY, member_id=member_id)
        return done
