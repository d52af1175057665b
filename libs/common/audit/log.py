"""The audit log of one service, read a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo.read_concern import ReadConcern

from libs.common.audit.chain import Head, Record
from libs.common.audit.records import CODEC, head_from, record_from
from libs.common.mongo import Collection, Database, Document, Session, snapshot

SCANNED_MAX = 20_000
_POSITION = {"position": 1}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records of a program are wanted; empty is all."""

    program_id: str
    actor: str = ""
    act: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list has come: up to a position of the chain, and to a record of those that wait."""

    position: int = 0
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records; `following` is where the next page begins, None at the end."""

    records: Sequence[Record]
    following: Place | None
    position: int
    position_last: int


@dataclass(frozen=True, slots=True)
class AuditLog:
    """Reads what the audit log holds, as it holds it."""

    database: Database

    async def records(self, filters: Filters, *, after: Place, limit: int) -> Page:
        """Records in the order of the chain, then those that wait for their place.

        All of one moment: each page begins with what was chained since the
        one before, so that no record slips from one part to the other unseen.
        A page looks at 20,000 positions at most, however few it wants of them.
        """
        async with snapshot(self.database.client) as session:
            reading = _Reading(self._collection("audit"), _wanted(filters), session)
            last = await reading.last()
            found, upto = await reading.chained(after.position, last, limit + 1)
            if len(found) > limit:
                found = found[:limit]
                upto = found[-1].position
            if upto < last:
                return Page(found, Place(upto, after.record_id), upto, last)
            rest = limit - len(found)
            waiting = await reading.waiting(after.record_id, rest + 1)
        following = None
        if len(waiting) > rest:
            following = Place(last, waiting[rest - 1].record_id if rest else after.record_id)
        return Page([*found, *waiting[:rest]], following, last, last)

    async def heads(self, program_id: str, *, after_position: int, limit: int) -> tuple[list[Head], bool]:
        """Heads in the order of their positions, and whether there are more.

        As a majority has them: records that are read afterwards are of a
        later moment, so no head is ahead of its record.
        """
        wanted = _chained(program_id, {"$gt": after_position})
        settled = self._collection("audit_heads").with_options(read_concern=ReadConcern("majority"))
        heads = [head_from(each) async for each in settled.find(wanted).sort("position", 1).limit(limit + 1)]
        return heads[:limit], len(heads) > limit

    def _collection(self, name: str) -> Collection:
        return self.database.get_collection(name, codec_options=CODEC)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads of one moment."""

    records: Collection
    wanted: Document
    session: Session

    async def last(self) -> int:
        """The last position of the program's chain."""
        chained = _chained(self.wanted["program_id"], {"$gt": 0})
        found = await self.records.find_one(chained, _POSITION, sort=[("position", -1)], session=self.session)
        return 0 if found is None else int(found["position"])

    async def chained(self, after: int, last: int, limit: int) -> tuple[list[Record], int]:
        """Records behind a position, and up to where they were looked for."""
        following = _chained(self.wanted["program_id"], {"$gt": after})
        first = await self.records.find_one(
            following, _POSITION, sort=[("position", 1)], session=self.session
        )
        upto = last if first is None else min(last, int(first["position"]) + SCANNED_MAX - 1)
        wanted = self.wanted | _chained(self.wanted["program_id"], {"$gt": after, "$lte": upto})
        return await self._found(wanted, "position", limit), upto

    async def waiting(self, after: str, limit: int) -> list[Record]:
        """Records that have no place yet, behind one of them."""
        waiting = {"unsequenced": True, "_id": {"$gt": after}, "position": {"$exists": False}}
        return await self._found(self.wanted | waiting, "_id", limit)

    async def _found(self, wanted: Document, order: str, limit: int) -> list[Record]:
        found = self.records.find(wanted, session=self.session).sort(order, 1).limit(limit)
        return [record_from(each) async for each in found]


def _chained(program_id: str, positions: Document) -> Document:
    """What has a place in the chain; a position that is no integer is none."""
    return {"program_id": program_id, "position": {**positions, "$type": ["int", "long"]}}


def _wanted(filters: Filters) -> Document:
    wanted: Document = {"program_id": filters.program_id}
    if filters.actor:
        wanted["actor.subject"] = filters.actor
    if filters.act:
        wanted["act"] = filters.act
    if filters.object:
        wanted["objects"] = filters.object
    times = {"$gte": filters.since, "$lt": filters.until}
    if times := {name: time for name, time in times.items() if time is not None}:
        wanted["recorded_time"] = times
    return wanted
