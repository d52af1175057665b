"""Calibration: thresholds are looked at again each period, and what is better is proposed to people."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from contextvars import Context, copy_context
from dataclasses import replace
from datetime import datetime

from laurel.benefits.v1.programs_pb2 import ProposeProgramResponse
from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.calendar import Due
from libs.common.caller import Principal, set_caller
from libs.common.mongo import Request
from services.benefits.domain.calibrations import (
    PROPOSER,
    CalibrationRun,
    CalibrationState,
    period_at,
    still_open,
)
from services.benefits.domain.program_changes import of_change, proposed
from services.benefits.domain.simulations import ASSUMED
from services.benefits.domain.threshold_results import NOTE_MAX, Question, Suggestions
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.thresholds import ThresholdHandlers
from services.benefits.repository import calibrations, program_versions
from services.benefits.repository.store import BenefitsStore

RUNS_MAX = 100
VERSIONS_LOOKED_AT = 20


class CalibrationDates:
    """What falls due in the calendar with calibrations: a period begins, and one waits to be gone through.

    That takes a while, in which nothing else of the calendar has to wait. The
    first period in which a program is seen is noted only. Of those that passed
    while nobody looked there is the last one alone.
    """

    name = "calibrations"

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers) -> None:
        self._store, self._programs = store, programs

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The period that has begun and is not known yet."""
        program = (await self._programs.live(program_id)).program
        if program.calibration is None:
            return []
        period, begin = period_at(program, program.calibration, until)
        latest = await calibrations.latest(self._store, program_id)
        return [] if latest is not None and latest.begin_time >= begin else [Due(period, begin)]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Let those wait that nobody has let wait."""

        async def begin(benefits: BenefitsStore) -> int:
            done = 0
            for item in items:
                known = await calibrations.latest(benefits, program_id) is not None
                state = CalibrationState.WAITING if known else CalibrationState.NOTED
                run = CalibrationRun(program_id, item.key, item.due_time, state)
                done += await calibrations.keep(benefits, run)
            return done

        return await self._store.transaction(begin)


class CalibrationHandlers:
    """Goes through calibrations; a second replica at the same one finds that it has ended."""

    def __init__(
        self, store: BenefitsStore, thresholds: ThresholdHandlers, *, now: Callable[[], datetime]
    ) -> None:
        self._store, self._thresholds, self._now = store, thresholds, now

    async def waiting(self) -> list[CalibrationRun]:
        """Those that are to be gone through."""
        return await calibrations.waiting(self._store, RUNS_MAX)

    async def go_through(self, run: CalibrationRun) -> bool:
        """Look at the thresholds, and propose what is better; gives whether the run has ended.

        It has not where another version took effect meanwhile.
        """
        live = (await self._store.live_programs([run.program_id]))[run.program_id]
        if live.program.calibration is None:
            return await self._store.transaction(lambda benefits: self._ended(benefits, run, 0))
        found = await self._suggestions(run.program_id)

        async def keep(benefits: BenefitsStore) -> bool:
            current = (await benefits.live_programs([run.program_id]))[run.program_id]
            if current.digest != found.live.digest:
                return False
            return await self._kept(benefits, run, found)

        return await self._store.transaction(keep)

    async def _suggestions(self, program_id: str) -> Suggestions:
        question = Question(program_id, assumed=ASSUMED)
        async with aclosing(self._thresholds.suggest(question)) as answers:
            async for each in answers:
                if isinstance(each, Suggestions):
                    return each
        raise AssertionError("the last answer is the result")

    async def _kept(self, benefits: BenefitsStore, run: CalibrationRun, found: Suggestions) -> bool:
        """End the run, with a draft where something is better and nobody has such a one to decide on."""
        if not found.changed:
            return await self._ended(benefits, run, 0)
        recent = await program_versions.page(benefits, run.program_id, before=None, limit=VERSIONS_LOOKED_AT)
        before = still_open(recent, found.program, found.live.program.version)
        if before is not None:
            return await self._ended(benefits, run, before.number)
        note = f"Calibration {run.period}. {found.note}"[:NOTE_MAX]
        draft = proposed(
            found.live,
            found.program,
            number=await program_versions.next_number(benefits, run.program_id),
            by=PROPOSER,
            note=note,
            now=self._now(),
        )
        # First: of two at it, the later one finds that it has ended, and proposes nothing.
        if await self._ended(benefits, run, draft.number):
            await program_versions.keep(benefits, draft, self._now())
            act = Act(_request(run), [run.program_id], reason=note, after=of_change(draft))
            await trail.record_each(
                benefits.database, benefits.session, [(_as_ourselves(), act)], now=self._now()
            )
        return True

    async def _ended(self, benefits: BenefitsStore, run: CalibrationRun, version: int) -> bool:
        state = CalibrationState.PROPOSED if version else CalibrationState.KEPT
        ended = replace(run, state=state, version=version, end_time=self._now())
        return await calibrations.end(benefits, ended)


def _request(run: CalibrationRun) -> Request[ProposeProgramResponse]:
    """What the audit record names as the request: the proposal of this period, which is once."""
    return Request(
        key="",
        digest="",
        response=ProposeProgramResponse,
        program_id=run.program_id,
        method="ProposeProgram",
        request_id=f"{PROPOSER}:{run.period}",
    )


def _as_ourselves() -> Context:
    """Who proposes where nobody has called."""
    context = copy_context()
    context.run(set_caller, Principal(PROPOSER, "service", None))
    return context
