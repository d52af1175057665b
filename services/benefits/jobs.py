"""What benefits does on the clock: send notices, end holds."""

import asyncio
from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from libs.common.jobs import going_on
from libs.common.leases import Leases
from services.benefits.domain.holds import Hold
from services.benefits.handlers.hold_reads import HoldEnding
from services.benefits.handlers.sending import Sending
from services.benefits.handlers.times import ProgramTimes

NOTICES, HOLDS = "notices", "holds"
SEND_SECONDS = 1.0
END_SECONDS = 1.0
HOLDS_MAX = 200

NOTICES_SENT = Counter("laurel_notices_sent_total", "Notices that were handed to the channels.")
HOLDS_ENDED = Counter("laurel_holds_ended_total", "Holds that nobody captured or cancelled in time.")
NOTICES_LATE_SECONDS = Gauge(
    "laurel_notices_late_seconds",
    "By a program's clock, how long its oldest notice has been due that is not sent; 0 when none is due.",
    ["program"],
)


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
                with going_on(NOTICES):
                    late = await self.run_once()
            self._tell(late)
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> dict[str, float]:
        """Send what is due in each program that has something to send; gives how late each is still."""
        times = await self._times.all()
        waiting = [each for each in await self._sending.waiting() if each in times]
        for program_id in waiting:
            with going_on(NOTICES, program_id=program_id):
                NOTICES_SENT.inc(await self._sending.send(program_id, times[program_id]))
        return {each: await self._sending.late_seconds(each, times[each]) for each in waiting}

    def _tell(self, late: Mapping[str, float]) -> None:
        for program_id in self._told - set(late):
            NOTICES_LATE_SECONDS.remove(program_id)
        for program_id, seconds in late.items():
            NOTICES_LATE_SECONDS.labels(program_id).set(seconds)
        self._told = set(late)


class HoldEnds:
    """Ends holds in the replica that holds the lease; a second one would find them ended."""

    def __init__(self, ending: HoldEnding, leases: Leases, *, every_seconds: float = END_SECONDS) -> None:
        self._ending, self._leases, self._every_seconds = ending, leases, every_seconds

    async def run(self) -> None:
        """End what is over, again and again until cancelled; what is down is waited for."""
        while True:
            with going_on(HOLDS):
                await self.run_once()
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> int:
        """End all holds that are over, each by itself, so that none keeps another; gives how many."""
        done, last = 0, None
        while HOLDS in self._leases.held() and (page := await self._ending.ended(HOLDS_MAX, after=last)):
            for held in page:
                done += await self._end(held)
            last = page[-1]
        return done

    async def _end(self, held: Hold) -> bool:
        ended = False
        # Such as of a sandbox whose clock cannot be read just now.
        with going_on(HOLDS, hold_id=held.hold_id):
            ended = await self._ending.end(held)
        HOLDS_ENDED.inc(ended)
        return ended
