"""What time it is in programs: the machine's, or a sandbox's own, which members keeps."""

from collections.abc import Callable, Mapping
from datetime import datetime

from libs.common.clock import milliseconds
from libs.common.clocks import Clocks
from libs.common.errors import Refusal
from libs.common.program import Program
from libs.common.telemetry import log
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository.store import BenefitsStore


class ProgramTimes:
    """Tells the time of programs. Only sandboxes wait when members is down."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, clocks: Clocks, now: Callable[[], datetime]
    ) -> None:
        self._store, self._programs, self._clocks, self._now = store, programs, clocks, now
        self._sandbox: dict[str, bool] = {}

    async def of(self, program: Program) -> datetime:
        """The time of one program."""
        if program.clock.replay_from is None:
            return self._now()
        return await self._clocks.time(program.key)

    async def now_in(self, program_id: str) -> tuple[Program, datetime]:
        """A program as it is now, and what time it is there."""
        program = (await self._programs.live(program_id)).program
        return program, milliseconds(await self.of(program))

    async def all(self) -> Mapping[str, datetime]:
        """The times of all programs; a sandbox that members does not know yet has none."""
        program_ids = await self._store.program_ids()
        for program_id in program_ids:
            if program_id not in self._sandbox:  # for ever: a program keeps the kind of its clock
                program = (await self._programs.live(program_id)).program
                self._sandbox[program_id] = program.clock.replay_from is not None
        now = self._now()
        live = {each: now for each in program_ids if not self._sandbox[each]}
        try:
            return live | await self._clocks.times(each for each in program_ids if self._sandbox[each])
        except Refusal as refusal:
            log("times").warning("sandboxes wait", error=refusal.reason)
            return live
