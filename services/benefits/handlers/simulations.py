"""Use cases of simulations: start a run, look at runs and at whom they would move, watch one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.caller import caller
from libs.common.clock import business_date
from libs.common.errors import ProgramUnknown
from libs.common.mongo import Request
from services.benefits.domain.errors import ProgramVersionUnknown, SimulationUnknown
from services.benefits.domain.simulations import Assumptions, Simulation, last_moments, simulation_of
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import program_versions, simulations
from services.benefits.repository.simulations import Move
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)
Answer = Callable[[Simulation], M]

LOOK_SECONDS = 0.5
HEARTBEAT_SECONDS = 30.0


class SimulationHandlers:
    """Starts runs, which a job takes to their end, and tells of them."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id, self._look_seconds = now, new_id, look_seconds

    async def simulate(
        self,
        program_id: str,
        number: int,
        dates: Sequence[datetime],
        months: int,
        assumptions: tuple[Assumptions, Sequence[str]],
        request: Request[M],
        answer: Answer[M],
    ) -> M:
        """Start a run of a version; the assumptions come with the names of those that nobody chose."""
        program, at = await self._times.now_in(program_id)
        moments = last_moments(
            dates, months=months, today=business_date(at, program.time_zone), time_zone=program.time_zone
        )

        async def attempt(benefits: BenefitsStore) -> M:
            live = (await benefits.live_programs([program_id])).get(program_id)
            change = await program_versions.one(benefits, program_id, number)
            if live is None:
                raise ProgramUnknown(program_id=program_id)
            if change is None:
                raise ProgramVersionUnknown(version=number)
            # Written, so that of two at once none counts past the other.
            await program_versions.touch(benefits, program_id, live.program.version)
            run = simulation_of(
                change,
                live,
                simulation_id=self._new_id("sim"),
                dates=moments,
                assumptions=assumptions[0],
                assumed=assumptions[1],
                by=caller().subject,
                now=self._now(),
                waiting=await simulations.waiting_count(benefits, program_id),
            )
            await simulations.keep(benefits, run)
            after = {"version": number, "digest": change.digest, "simulation_id": run.simulation_id}
            act = Act(request, [program_id, run.simulation_id], after=after)
            await trail.record(benefits.database, benefits.session, act, now=self._now())
            return answer(run)

        return await self._store.once(request, attempt, now=self._now)

    async def several(self, program_id: str, ids: Sequence[str]) -> dict[str, Simulation]:
        """Those of some runs that there are."""
        return await simulations.several(self._store, program_id, ids)

    async def page(
        self, program_id: str, *, version: int | None, before: tuple[datetime, str] | None, limit: int
    ) -> tuple[list[Simulation], bool]:
        """Runs, the latest first, and whether there are more."""
        await self._programs.live(program_id)
        found = await simulations.page(
            self._store, program_id, version=version, before=before, limit=limit + 1
        )
        return found[:limit], len(found) > limit

    async def moves(
        self, program_id: str, simulation_id: str, *, upgraded: bool | None, after: str, limit: int
    ) -> tuple[list[Move], bool]:
        """Whom a run would move, as far as it is, and whether there are more."""
        await self._progress(program_id, simulation_id)
        found = await simulations.moves(
            self._store, simulation_id, upgraded=upgraded, after=after, limit=limit + 1
        )
        return found[:limit], len(found) > limit

    async def watch(self, program_id: str, simulation_id: str) -> AsyncIterator[Simulation]:
        """A run as it goes on, without its result, until it has ended; a heartbeat where it does not."""
        told, told_time = None, time.monotonic()
        while True:
            at = await self._progress(program_id, simulation_id)
            if at != told or time.monotonic() - told_time >= HEARTBEAT_SECONDS:
                yield at
                told, told_time = at, time.monotonic()
            if at.ended:
                return
            await asyncio.sleep(self._look_seconds)

    async def _progress(self, program_id: str, simulation_id: str) -> Simulation:
        found = await simulations.progress(self._store, program_id, simulation_id)
        if found is None:
            raise SimulationUnknown(simulation_id=simulation_id)
        return found
