"""What benefits does on the clock: send notices, decide members again, simulate, calibrate, end holds."""

import asyncio
import time
from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from libs.common.jobs import going_on
from libs.common.leases import Leases
from services.benefits.domain.holds import Hold
from services.benefits.domain.program_changes import Change
from services.benefits.domain.simulations import Simulation
from services.benefits.handlers.calibrations import CalibrationHandlers
from services.benefits.handlers.hold_reads import HoldEnding
from services.benefits.handlers.recalculation import RecalculationHandlers
from services.benefits.handlers.sending import Sending
from services.benefits.handlers.simulating import SimulatingHandlers
from services.benefits.handlers.times import ProgramTimes

NOTICES, HOLDS, RECALCULATION, SIMULATION = "notices", "holds", "recalculation", "simulation"
CALIBRATION = "calibration"
SEND_SECONDS = 1.0
RECALCULATE_SECONDS = 1.0
SIMULATE_SECONDS = 1.0
CALIBRATE_SECONDS = 5.0
CALIBRATION_REST_SECONDS_MAX = 600.0
END_SECONDS = 1.0
HOLDS_MAX = 200

NOTICES_SENT = Counter("laurel_notices_sent_total", "Notices that were handed to the channels.")
RECALCULATED = Counter(
    "laurel_recalculated_total", "Memberships that were decided on again by a new version of their program."
)
SIMULATED = Counter("laurel_simulated_total", "Members who were gone through by a version that is not live.")
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


class Recalculations:
    """Decides members on again in the replica that holds the lease; a second one would find them decided."""

    def __init__(
        self,
        handlers: RecalculationHandlers,
        leases: Leases,
        *,
        every_seconds: float = RECALCULATE_SECONDS,
    ) -> None:
        self._handlers, self._leases, self._every_seconds = handlers, leases, every_seconds

    async def run(self) -> None:
        """Go on with what runs, again and again until cancelled; what is down is waited for."""
        while True:
            if RECALCULATION in self._leases.held():
                with going_on(RECALCULATION):
                    await self.run_once()
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> None:
        """Take each run to its end; of a program that fails the others do not hear."""
        for change in await self._handlers.running():
            with going_on(RECALCULATION, program_id=change.program_id):
                await self._through(change)

    async def _through(self, change: Change) -> None:
        decided = 0 if change.recalculation is None else change.recalculation.decided

        def told(at: Change) -> bool:
            nonlocal decided
            if at.recalculation is not None:
                RECALCULATED.inc(at.recalculation.decided - decided)
                decided = at.recalculation.decided
            return RECALCULATION in self._leases.held()

        await self._handlers.through(change, told)


class Simulations:
    """Takes simulations to their end in the replica that holds the lease; a second one would find it done.

    Programs have their turns, a part of the members at a time, so that a large one keeps no other waiting.
    """

    def __init__(
        self, handlers: SimulatingHandlers, leases: Leases, *, every_seconds: float = SIMULATE_SECONDS
    ) -> None:
        self._handlers, self._leases, self._every_seconds = handlers, leases, every_seconds

    async def run(self) -> None:
        """Go on with what runs, again and again until cancelled; what is down is waited for."""
        while True:
            went_on = False
            if SIMULATION in self._leases.held():
                with going_on(SIMULATION):
                    went_on = await self.run_once()
            await asyncio.sleep(0 if went_on else self._every_seconds)

    async def run_once(self) -> bool:
        """Take a run of each program a step further; gives whether there was one that did go on."""
        went_on = False
        for run in await self._handlers.running():
            with going_on(SIMULATION, program_id=run.program_id):
                went_on = await self._step(run) or went_on
        return went_on

    async def _step(self, run: Simulation) -> bool:
        further = await self._handlers.go_on(run)
        if further is None:
            return False
        SIMULATED.inc(further.done - run.done)
        return True


class Calibrations:
    """Goes through calibrations in the replica that holds the lease; a second one would find them ended.

    One that fails, or that a new version came between, rests before it is tried again, each time for longer.
    """

    def __init__(
        self, handlers: CalibrationHandlers, leases: Leases, *, every_seconds: float = CALIBRATE_SECONDS
    ) -> None:
        self._handlers, self._leases, self._every_seconds = handlers, leases, every_seconds
        self._resting: dict[str, tuple[float, float]] = {}

    async def run(self) -> None:
        """Go through what waits, again and again until cancelled."""
        while True:
            if CALIBRATION in self._leases.held():
                with going_on(CALIBRATION):
                    await self.run_once()
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> None:
        """Go through one after another; of a program that fails the others do not hear."""
        for run in await self._handlers.waiting():
            until, rest = self._resting.get(run.program_id, (0.0, self._every_seconds))
            if time.monotonic() < until:
                continue
            ended = False
            with going_on(CALIBRATION, program_id=run.program_id):
                ended = await self._handlers.go_through(run)
            self._resting.pop(run.program_id, None)
            if not ended:
                rest = min(2 * rest, CALIBRATION_REST_SECONDS_MAX)
                self._resting[run.program_id] = (time.monotonic() + rest, rest)


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
