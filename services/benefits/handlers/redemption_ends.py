"""What falls due in the calendar with redemptions: nobody came for what is reserved, and it is taken back."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from libs.common.calendar import Due
from libs.common.program import Program
from services.benefits.domain.redemptions import expired, is_due
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.redemptions import take_back, told
from services.benefits.handlers.spending import Spending
from services.benefits.repository import redemptions
from services.benefits.repository.store import BenefitsStore


class RedemptionEnds:
    """Ends what is reserved and was not fetched in time.

    It is announced however long ago it fell due: points and stock are back,
    and who shows them has to know.
    """

    name = "redemption_end"

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        spending: Spending,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._programs, self._spending, self._now = store, programs, spending, now

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        """The redemptions that waited long enough."""
        found = await redemptions.due(self._store, program_id, until, limit)
        return [Due(each.redemption_id, each.due_time) for each in found if each.due_time is not None]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """End them, each in a transaction of its own, as each moves points; gives how many were reserved.

        What was done before something failed is not due any more.
        """
        program = (await self._programs.live(program_id)).program
        ended = [await self._store.transaction(partial(self._end, program, item)) for item in items]
        return sum(ended)

    async def _end(self, program: Program, item: Due, benefits: BenefitsStore) -> bool:
        found = await redemptions.one(benefits, program.key, item.key)
        if found is None or not is_due(found, item.due_time):
            return False
        await take_back(benefits, self._spending, program, found, item.due_time)
        after = expired(found)
        await redemptions.replace(benefits, after)
        await told(benefits, after, self._now())
        return True
