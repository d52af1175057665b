"""The calendar of a service: what falls due happens, by each program's clock and in order.

A service registers kinds of things that fall due. Once a second the replica
that holds the lease asks what time it is in each program, lets the kinds name
what is due until then, and makes it happen: soonest first, whatever its kind;
of one moment in the order in which the kinds are registered. Then it keeps how
far that is as the program's `done_time`, which GetPipelineStatus tells.

To plug in a kind, such as points that expire:

- a class with `name`, `due` and `happen` (see Kind), and its place in the list
  that the service's `server.py` gives to `Platform.calendar`;
- `due` reads an index on the due time and leaves out what has happened. After
  each page it is asked anew, so what happens may bring about more that is due;
- `happen` does all of its items, or none, in one transaction, and skips those
  that are no longer due: after a crash, and by two replicas at once, it gets the
  same items twice. It gives how many it did. What it fails with by itself, or leaves
  due, is put aside for ten minutes (see aside.py), and the others go on;
- it tells nobody of an item that fell due before `fresh_since`: no wake-up, no
  notice, no webhook. That is seven days before the last `done_time`, which
  begins as the program's time when the program is first seen. So years of
  history are made up for in silence, while a sandbox whose clock is moved by
  months signals everything on the way;
- due times that fall together, such as the ends of business days, make large
  pages: only what follows one another without another kind in between happens
  in one transaction.
"""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Counter, Gauge

from libs.common.aside import Aside, AsideFull, forget
from libs.common.consumer import passes
from libs.common.failures import kind as kind_of
from libs.common.leases import Leases
from libs.common.mongo import Database
from libs.common.progress import Progress, done
from libs.common.redis import asked_to_end
from libs.common.telemetry import log

CALENDAR = "calendar"
EVERY_SECONDS = 1.0
PAGE_ITEMS = 200
# So many pages of one program, then the next program has its turn.
PAGES_MAX = 50
FRESH = timedelta(days=7)
KEPT_EVERY = timedelta(seconds=5)
REST_SECONDS_MAX = 5.0
INSTANT = timedelta(milliseconds=1)

HAPPENED = Counter(
    "laurel_calendar_happened_total", "Things that fell due and happened.", ["service", "kind"]
)
PUT_ASIDE = Gauge(
    "laurel_calendar_put_aside", "Things that fell due and fail by themselves.", ["service", "kind"]
)
LATE_SECONDS = Gauge(
    "laurel_calendar_late_seconds",
    "By a program's clock, how long ago the time is until which all that fell due has happened.",
    ["service", "program"],
)


@dataclass(frozen=True, slots=True)
class Due:
    """Something that falls due; `key` names it within its kind and program."""

    key: str
    due_time: datetime


class Kind(Protocol):
    """A kind of things that fall due."""

    @property
    def name(self) -> str:
        """One word for metrics and for people."""

    async def due(self, program_id: str, until: datetime, limit: int) -> Sequence[Due]:
        """What is due until a time, that time included, and has not happened: the soonest first."""

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        """Make items happen, those before `fresh_since` in silence; gives how many were not done before."""


Times = Callable[[], Awaitable[Mapping[str, datetime]]]


@dataclass(frozen=True, slots=True)
class Page:
    """What comes next of one kind."""

    kind: Kind
    items: Sequence[Due]


def next_page(pages: Sequence[Page]) -> Page | None:
    """Of what is due by kind, what happens next: all of one kind that comes before any of another."""
    waiting = [(page.items[0].due_time, place) for place, page in enumerate(pages) if page.items]
    if not waiting:
        return None
    _, first = min(waiting)
    kind, items = pages[first].kind, pages[first].items
    if len(waiting) > 1:
        other = min(each for each in waiting if each[1] != first)
        items = [item for item in items if (item.due_time, first) < other]
    return Page(kind, items)


class Calendar:
    """Makes happen what falls due in the programs of a service; a second replica at it does no harm."""

    def __init__(
        self,
        database: Database,
        leases: Leases,
        kinds: Sequence[Kind],
        times: Times,
        *,
        service: str,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """`times` tells what time it is now in each program of the service."""
        self._database, self._leases, self._kinds, self._times = database, leases, tuple(kinds), times
        self._service, self._every_seconds = service, every_seconds
        self._progress: dict[str, Progress] = {}
        self._aside: dict[tuple[str, str], Aside] = {}
        self._resting: dict[str, tuple[float, float]] = {}
        self._sizes: dict[str, int] = {}
        self._told: set[str] = set()
        self._begun = False

    async def run(self) -> None:
        """Keep up until cancelled; what is down is waited for."""
        while not asked_to_end():
            try:
                await self.run_once()
            except Exception as error:  # must not end the service
                self._interrupted(error, "")
            await asyncio.sleep(self._every_seconds)

    async def run_once(self) -> None:
        """Do what is due now; a program that fails rests a while and holds up no other."""
        if not self._ours():
            self._leave()
            return
        if not self._begun:
            await forget(self._database)
            self._begun = True
        times = await self._times()
        kept = {
            each.program_id: each.done_time for each in (await done(self._database, list(times))).values()
        }
        for program_id, moment in sorted(times.items()):
            if self._ours() and not self._rests(program_id):
                try:
                    kept[program_id] = await self._turn(program_id, moment, kept.get(program_id))
                    self._resting.pop(program_id, None)
                except Exception as error:
                    self._interrupted(error, program_id)
        self._tell({each: (times[each] - kept[each]).total_seconds() for each in times if each in kept})

    async def _turn(self, program_id: str, until: datetime, kept: datetime | None) -> datetime:
        """Catch up with a program's time, or for so many pages; gives how far that is."""
        progress = self._progress.setdefault(program_id, Progress(self._database, program_id))
        if kept is None:
            kept = await progress.keep(until)
        reached, happened = kept, frozenset[Due]()
        for _ in range(PAGES_MAX):
            page = next_page([Page(kind, await self._due(kind, program_id, until)) for kind in self._kinds])
            if page is None:
                moved = until - kept >= KEPT_EVERY
                return await progress.keep(until) if moved or progress.uncounted else until
            reached = max(kept, page.items[0].due_time - INSTANT)
            await progress.pass_by(reached)
            await self._happen(page, progress, happened, fresh_since=kept - FRESH)
            happened = frozenset(page.items)
            self._sizes[program_id] = min(2 * self._size(program_id), PAGE_ITEMS)
            if not self._ours():
                break
        return reached

    async def _due(self, kind: Kind, program_id: str, until: datetime) -> list[Due]:
        """The next of one kind, without what is put aside."""
        aside = await self._aside_of(kind, program_id).keys()
        size = self._size(program_id)
        found = await kind.due(program_id, until, size + len(aside))
        return [item for item in found if item.key not in aside][:size]

    async def _happen(
        self, page: Page, progress: Progress, happened: frozenset[Due], *, fresh_since: datetime
    ) -> None:
        """Make a page happen; what is due again right after it happened would be so for ever."""
        kind, program_id = page.kind, progress.program_id
        for item in happened.intersection(page.items):
            await self._put_aside(kind, program_id, item, "is still due after it happened")
        items = [item for item in page.items if item not in happened]
        if not items:
            return
        try:
            self._count(kind, progress, await kind.happen(program_id, items, fresh_since))
        except Exception as error:
            if passes(error):
                raise
            log("calendar").exception("failed", kind=kind.name, program_id=program_id)
            await self._one_by_one(kind, progress, items, fresh_since)

    async def _one_by_one(
        self, kind: Kind, progress: Progress, items: Sequence[Due], fresh_since: datetime
    ) -> None:
        """Make each item happen by itself, and put aside what fails."""
        for item in items:
            try:
                self._count(kind, progress, await kind.happen(progress.program_id, [item], fresh_since))
            except Exception as error:
                if passes(error):
                    raise
                await self._put_aside(kind, progress.program_id, item, f"{type(error).__name__}: {error}")

    async def _put_aside(self, kind: Kind, program_id: str, item: Due, error: str) -> None:
        await self._aside_of(kind, program_id).put(item.key, error)
        log("calendar").error("put aside", kind=kind.name, program_id=program_id, key=item.key)

    def _aside_of(self, kind: Kind, program_id: str) -> Aside:
        return self._aside.setdefault((program_id, kind.name), Aside(self._database, kind.name, program_id))

    def _count(self, kind: Kind, progress: Progress, number: int) -> None:
        HAPPENED.labels(self._service, kind.name).inc(number)
        progress.count(kind.name, number)

    def _ours(self) -> bool:
        return CALENDAR in self._leases.held()

    def _size(self, program_id: str) -> int:
        """How much a page may hold: less where pages ran out of time, until they do no more."""
        return self._sizes.get(program_id, PAGE_ITEMS)

    def _rests(self, program_id: str) -> bool:
        return program_id in self._resting and time.monotonic() < self._resting[program_id][0]

    def _interrupted(self, error: Exception, program_id: str) -> None:
        """Log why it does not go on, and let the program rest, each time for longer."""
        if passes(error) or isinstance(error, AsideFull):
            log("calendar").warning("interrupted", program_id=program_id, error=kind_of(error))
        else:
            log("calendar").error("failed", program_id=program_id, exc_info=error)
        _, rest = self._resting.get(program_id, (0.0, self._every_seconds / 2))
        rest = min(rest * 2, REST_SECONDS_MAX)
        self._resting[program_id] = (time.monotonic() + rest, rest)
        self._sizes[program_id] = max(1, self._size(program_id) // 2)

    def _leave(self) -> None:
        """Begin anew when it is our turn again; another replica is at it meanwhile, and tells."""
        self._begun = False
        self._aside.clear()
        self._tell({})

    def _tell(self, late: Mapping[str, float]) -> None:
        """Say how late each program is, and how much is put aside."""
        for program_id in self._told - set(late):
            LATE_SECONDS.remove(self._service, program_id)
        for program_id, seconds in late.items():
            LATE_SECONDS.labels(self._service, program_id).set(max(0.0, seconds))
        self._told = set(late)
        aside: Tally[str] = Tally()
        for (_, kind), each in self._aside.items():
            aside[kind] += len(each)
        for named in self._kinds:
            PUT_ASIDE.labels(self._service, named.name).set(aside[named.name])
