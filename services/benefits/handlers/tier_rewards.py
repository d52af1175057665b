"""Rewards of tiers: what falls due when a tier is reached that rewards points, each once for ever."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from libs.common.calendar import Due
from libs.common.program import Program
from services.benefits.domain.ledger import ISSUER
from services.benefits.domain.occasions import tier_reward
from services.benefits.domain.reached import Reached, reward
from services.benefits.handlers.drawing import Drawing
from services.benefits.handlers.giving import ending
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import reached as kept
from services.benefits.repository.store import BenefitsStore


class TierRewards:
    """Gives the points of tiers, each named by the member and the tier, and tells the member.

    They were written down in the transaction of the decision, and are given
    however long ago that was; nobody is told of history.
    """

    name = "tier_reward"

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
        self._now, self._new_id, self._drawing = now, new_id, Drawing(now, new_id)

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """The rewards of tiers that were reached by then and are not given."""
        return [Due(key, time) for key, time in await kept.waiting(self._store, program_id, until, limit)]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Give these in one transaction; gives how many were not given before."""
        program = (await self._programs.live(program_id)).program
        time = await self._times.of(program)
        return await self._store.transaction(partial(self._give, program, time, items, fresh_since))

    async def _give(
        self,
        program: Program,
        time: datetime,
        items: Sequence[Due],
        fresh_since: datetime,
        benefits: BenefitsStore,
    ) -> int:
        found = await kept.by_keys(benefits, [item.key for item in items])
        known = [found[item.key] for item in items if item.key in found]
        waiting = [each for each in known if not each.transaction_id]
        if not waiting:
            return 0
        await self._post(benefits, program, waiting)
        occasions = [tier_reward(program, each) for each in waiting if each.reached_time >= fresh_since]
        await tell(benefits, program, occasions, time=time, now=self._now(), new_id=self._new_id)
        return len(waiting)

    async def _post(self, benefits: BenefitsStore, program: Program, rewards: Sequence[Reached]) -> None:
        members = [each.member_id for each in rewards]
        postings = await self._drawing.open_each(benefits, program, members, ISSUER)
        posted = {
            each.key: reward(
                postings[each.member_id], each, expire_time=ending(program, each.reached_time)
            ).transaction_id
            for each in rewards
        }
        await kept.given(benefits, posted)
        await self._drawing.keep(benefits, *{each.stripe: each for each in postings.values()}.values())
