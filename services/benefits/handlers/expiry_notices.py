"""What falls due in the calendar before points expire: their members are told."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from libs.common.calendar import Due
from libs.common.clock import business_date, start_of_day
from libs.common.program import Program
from services.benefits.domain.expiry_notices import day_end, first_walk, notice_time, told_until
from services.benefits.domain.ledger import Lot
from services.benefits.domain.occasions import points_expiring
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.telling import NewId, tell
from services.benefits.repository import expiry_notices as kept
from services.benefits.repository import ledger
from services.benefits.repository.store import BenefitsStore


class ExpiryNotices:
    """Walks through the lots in the order of their expiry, once for each number of days ahead.

    Each lot falls due by itself; a member with several lots of a day is told
    once, of all of them, at the first. What the calendar puts aside is left
    behind: the walk goes on with what comes after it, and its member hears of
    their points in the next walk.
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
        """The next lots of each walk that are to be told of by then."""
        program = (await self._programs.live(program_id)).program
        walks = await kept.walks(self._store, program_id)
        found = []
        for days in program.points.expiry_notice_days:
            walk = walks.get(days)
            if walk is None:
                walk = first_walk(program_id, days, program.time_zone, until)
                await kept.begin(self._store, walk)
            before = told_until(days, program.time_zone, until)
            for lot in await kept.lots_after(self._store, walk, before=before, limit=limit):
                told = notice_time(_expires(lot, program.time_zone), days, program.time_zone)
                found.append(Due(f"{days}/{lot.lot_id}", told))
        found.sort(key=lambda each: each.due_time)
        return found[:limit]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Tell the members of these lots, in one transaction; gives how many lots were not told of before."""
        program = (await self._programs.live(program_id)).program
        return await self._store.transaction(partial(self._happen, program, items, fresh_since))

    async def _happen(
        self, program: Program, items: Sequence[Due], fresh_since: datetime, benefits: BenefitsStore
    ) -> int:
        walks, count = await kept.walks(benefits, program.key), 0
        for days, due in _by_walk(items).items():
            lots = (await ledger.lots(benefits, due)).values()
            ahead = sorted(filter(walks[days].ahead, lots), key=_order)
            fresh = [lot for lot in ahead if due[lot.lot_id] >= fresh_since]
            for day, page in _by_day(fresh, program.time_zone).items():
                await self._tell(benefits, program, days, day, page, due[page[0].lot_id])
            if ahead:
                await kept.go_on(benefits, walks[days].behind(ahead[-1]))
            count += len(ahead)
        return count

    async def _tell(
        self,
        benefits: BenefitsStore,
        program: Program,
        days: int,
        day: date,
        page: Sequence[Lot],
        time: datetime,
    ) -> None:
        """Tell of lots that expire on one day, each member of all that they lose on it."""
        since, before = start_of_day(day, program.time_zone), day_end(day, program.time_zone)
        accounts = dict.fromkeys(lot.account_id for lot in page)
        points = await kept.expiring_points(benefits, accounts, since, before)
        occasions = [
            points_expiring(program, account_id, points=points[account_id], expires=day, days=days, time=time)
            for account_id in accounts
            if account_id in points  # else all of it was spent since it fell due
        ]
        await tell(benefits, program, occasions, time=time, now=self._now(), new_id=self._new_id)


def _by_walk(items: Sequence[Due]) -> Mapping[int, Mapping[str, datetime]]:
    """When the lots that are due are to be told of, by the days ahead of their walks."""
    found: dict[int, dict[str, datetime]] = defaultdict(dict)
    for item in items:
        days, _, lot_id = item.key.partition("/")
        found[int(days)][lot_id] = item.due_time
    return found


def _by_day(lots: Sequence[Lot], time_zone: str) -> Mapping[date, Sequence[Lot]]:
    found: dict[date, list[Lot]] = defaultdict(list)
    for lot in lots:
        found[_expires(lot, time_zone)].append(lot)
    return found


def _order(lot: Lot) -> tuple[datetime, str]:
    """The order of walks."""
    assert lot.expire_time is not None, "what never expires is in no walk"
    return lot.expire_time, lot.lot_id


def _expires(lot: Lot, time_zone: str) -> date:
    return business_date(_order(lot)[0], time_zone)
