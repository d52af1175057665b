"""What falls due in the calendar before points expire: their members are told."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial

from libs.common.calendar import Due
from libs.common.clock import business_date
from libs.common.program import Program
from services.benefits.domain.expiry_notices import Walk, day_begin, day_end, first_walk, notice_time
from services.benefits.domain.ledger import Lot
from services.benefits.domain.occasions import points_expiring
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.repository import expiry_notices as kept
from services.benefits.repository.store import BenefitsStore

PAGE_LOTS = 100


class ExpiryNotices:
    """Walks through the lots in the order of their expiry, once for each number of days ahead.

    What is due is named by the lot that comes next in a walk. A member with
    several lots of a day is told once, of all of them, at the first.
    """

    name = "expiry_notice"

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        *,
        now: Callable[[], datetime],
        new_id: NewId,
    ) -> None:
        self._store, self._programs, self._now, self._new_id = store, programs, now, new_id

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """The next lot of each walk that is to be told of by then."""
        program = (await self._programs.live(program_id)).program
        walks = await kept.walks(self._store, program_id)
        found = []
        for days in program.points.expiry_notice_days:
            walk = walks.get(days)
            if walk is None:
                walk = first_walk(program_id, days, program.time_zone, until)
                await kept.begin(self._store, walk)
            for lot in await kept.lots_after(self._store, walk, limit=1):
                told = notice_time(_expires(lot, program.time_zone), days, program.time_zone)
                found.append(Due(f"{days}/{lot.lot_id}", told))
        found.sort(key=lambda each: each.due_time)
        return [each for each in found if each.due_time <= until][:limit]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Tell the members of the lots that come next in these walks; gives how many lots that were."""
        program = (await self._programs.live(program_id)).program
        return await self._store.transaction(partial(self._happen, program, items, fresh_since))

    async def _happen(
        self, program: Program, items: Sequence[Due], fresh_since: datetime, benefits: BenefitsStore
    ) -> int:
        walks = await kept.walks(benefits, program.key)
        count = 0
        for item in items:
            days, _, lot_id = item.key.partition("/")
            walk = walks[int(days)]
            page = await _page(benefits, walk, lot_id, program.time_zone)
            if page and item.due_time >= fresh_since:
                await self._tell(benefits, program, walk, page, item.due_time)
            if page:
                await kept.go_on(benefits, walk.behind(page[-1]))
            count += len(page)
        return count

    async def _tell(
        self, benefits: BenefitsStore, program: Program, walk: Walk, page: Sequence[Lot], time: datetime
    ) -> None:
        """Tell of a page of lots that expire on one day, each member of all that they lose on it."""
        day = _expires(page[0], program.time_zone)
        since, before = day_begin(day, program.time_zone), day_end(day, program.time_zone)
        accounts = dict.fromkeys(lot.account_id for lot in page)
        points = await kept.expiring_points(benefits, accounts, since, before)
        occasions = [
            points_expiring(
                program, account_id, points=points[account_id], expires=day, days=walk.days, time=time
            )
            for account_id in accounts
        ]
        await tell(benefits, program, occasions, time=time, now=self._now(), new_id=self._new_id)


async def _page(benefits: BenefitsStore, walk: Walk, lot_id: str, time_zone: str) -> list[Lot]:
    """The lots of one day that come next in a walk; none when another has gone on from there already."""
    following = await kept.lots_after(benefits, walk, limit=PAGE_LOTS)
    if not following or following[0].lot_id != lot_id:
        return []
    day = _expires(following[0], time_zone)
    return [lot for lot in following if _expires(lot, time_zone) == day]


def _expires(lot: Lot, time_zone: str) -> date:
    assert lot.expire_time is not None, "what never expires is in no walk"
    return business_date(lot.expire_time, time_zone)
