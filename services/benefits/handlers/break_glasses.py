"""The use case of break-glasses: compliance officers are told of each that members announced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.benefits.domain.occasions import break_glass
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class ToldBreakGlass:
    """A break-glass as members announced it; until when is by the machine's clock."""

    program_id: str
    break_glass_id: str
    opened_by: str
    until_time: datetime


@dataclass(frozen=True, slots=True)
class BreakGlassHandlers:
    """Tells of break-glasses; each is the cause of one notice, so that twice is once."""

    store: BenefitsStore
    programs: ProgramHandlers
    times: ProgramTimes
    now: Callable[[], datetime]
    new_id: NewId

    async def apply(self, opened: ToldBreakGlass) -> None:
        """Tell of one, however late it is heard of."""
        program = (await self.programs.live(opened.program_id)).program
        time = await self.times.of(program)
        occasion = break_glass(
            program, opened.break_glass_id, opened.opened_by, until_time=opened.until_time, time=time
        )

        async def attempt(store: BenefitsStore) -> None:
            await tell(store, program, [occasion], time=time, now=self.now(), new_id=self.new_id)

        await self.store.transaction(attempt)
