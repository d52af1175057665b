"""The use case of absence: who fell asleep is told once that we miss them; who is back is not."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from libs.common.program import Program
from services.benefits.domain.occasions import Activity, wake_up
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import notices as kept
from services.benefits.repository.store import BenefitsStore

ACTIVITIES_MAX = 50


class ActivityHandlers:
    """Applies what members announced of absence; the spell is the cause, so that twice is once."""

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        times: ProgramTimes,
        *,
        now: Callable[[], datetime],
        new_id: NewId,
    ) -> None:
        self._store, self._programs, self._times = store, programs, times
        self._now, self._new_id = now, new_id

    async def apply(self, activities: Sequence[Activity]) -> None:
        """Apply changes of some members of one program, in order."""
        if not activities:
            return
        program = (await self._programs.live(activities[0].program_id)).program
        time = await self._times.of(program)
        for start in range(0, len(activities), ACTIVITIES_MAX):
            page = activities[start : start + ACTIVITIES_MAX]
            await self._store.transaction(partial(self._keep, program, page, time))

    async def _keep(
        self, program: Program, activities: Sequence[Activity], time: datetime, benefits: BenefitsStore
    ) -> None:
        """Members say whether a spell is one to be told: they know which began long ago."""
        asleep = [wake_up(program, each) for each in activities if each.dormant and each.wake_up]
        # A clock that was moved just now may have been read before that.
        time = max([time, *(each.occurred_time for each in asleep)])
        await tell(benefits, program, asleep, time=time, now=self._now(), new_id=self._new_id)
        back = [(each.member_id, each.spell) for each in activities if not each.dormant]
        await kept.overtake_wake_ups(benefits, back)
