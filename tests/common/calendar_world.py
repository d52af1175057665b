"""Things that fall due in a made-up service, on the real mongod, and the calendar that makes them happen."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.common.calendar import CALENDAR, Calendar, Due, Kind
from libs.common.clock import now
from libs.common.leases import Leases
from libs.common.mongo import Database, Session, transaction

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAM = "music_store"


async def nothing(items: Sequence[Due]) -> None:
    """What goes wrong with a page by default."""


@dataclass
class Things:
    """A kind whose things happen once, with one effect each, told or in silence."""

    database: Database
    name: str = "things"
    # What goes wrong before a page happens, and after it did.
    before: Callable[[Sequence[Due]], Awaitable[None]] = nothing
    after: Callable[[Sequence[Due]], Awaitable[None]] = nothing
    pages: list[list[str]] = field(default_factory=list)

    async def add(self, due_time: datetime, *keys: str, program_id: str = PROGRAM) -> None:
        """Let things fall due at a time."""
        things = [
            {"kind": self.name, "program": program_id, "key": key, "due_time": due_time, "happened": False}
            for key in keys
        ]
        await self.database.things.insert_many(things)

    async def due(self, program_id: str, until: datetime, limit: int) -> list[Due]:
        wanted = {"kind": self.name, "program": program_id, "happened": False, "due_time": {"$lte": until}}
        found = self.database.things.find(wanted).sort([("due_time", 1), ("key", 1)]).limit(limit)
        return [Due(each["key"], each["due_time"]) async for each in found]

    async def happen(self, program_id: str, items: Sequence[Due], fresh_since: datetime) -> int:
        async def attempt(session: Session) -> int:
            wanted = {
                "kind": self.name,
                "program": program_id,
                "key": {"$in": [item.key for item in items]},
                "happened": False,
            }
            ordered = self.database.things.find(wanted, session=session).sort([("due_time", 1), ("key", 1)])
            found = await ordered.to_list(None)
            if found:
                ids = [each["_id"] for each in found]
                await self.database.things.update_many(
                    {"_id": {"$in": ids}}, {"$set": {"happened": True}}, session=session
                )
                effects = [{"key": each["key"], "told": each["due_time"] >= fresh_since} for each in found]
                await self.database.effects.insert_many(effects, session=session)
            return len(found)

        await self.before(items)
        self.pages.append([item.key for item in items])
        count = await transaction(self.database.client, attempt)
        await self.after(items)
        return count


@dataclass
class Town:
    """Programs with a time each, and what happens in them."""

    database: Database
    times: dict[str, datetime] = field(default_factory=lambda: {PROGRAM: BEGIN})

    async def now(self) -> Mapping[str, datetime]:
        """What the calendar asks."""
        return dict(self.times)

    async def calendar(self, *kinds: Kind, holder: str = "one") -> Calendar:
        """A calendar that holds its lease from now on, as the lease's clock stands still."""
        moment = now()
        # A group each, so that two calendars may both believe that the lease is theirs.
        leases = Leases(self.database, [CALENDAR], group=holder, holder=holder, now=lambda: moment)
        await leases.renew()
        return Calendar(self.database, leases, kinds, self.now, service="made_up", every_seconds=0.01)

    async def effects(self) -> list[str]:
        """The keys of what happened, in order; in brackets what happened in silence."""
        found = self.database.effects.find().sort("$natural", 1)
        return [each["key"] if each["told"] else f"({each['key']})" async for each in found]

    async def done_time(self, program_id: str = PROGRAM) -> datetime:
        found = await self.database.calendars.find_one({"_id": program_id})
        assert found is not None
        moment: datetime = found["done_time"]
        return moment
