"""Chains as services read them out, a page at a time: records in the order of their places, and heads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pymongo.read_concern import ReadConcern

from libs.common.chains.chain import Head
from libs.common.chains.documents import CODEC, head_from
from libs.common.errors import PageTokenInvalid
from libs.common.mongo import Collection, Database, Document, Session

SCANNED_MAX = 20_000
_POSITION = {"position": 1}
_PLACE = re.compile(r"([0-9]{1,18})/(.{0,128})")


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list has come: up to a position of the chain, and to a record of those that wait."""

    position: int = 0
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some records as documents; `following` is where the next page begins, None at the end."""

    records: Sequence[Document]
    following: Place | None
    position: int
    position_last: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads of one moment, of the records of one program that are wanted."""

    records: Collection
    wanted: Document
    session: Session

    @classmethod
    def of(cls, database: Database, name: str, wanted: Document, session: Session) -> "Reading":
        """Of a collection, whose documents are read whatever became of them."""
        return cls(database.get_collection(name, codec_options=CODEC), wanted, session)

    async def page(self, after: Place, limit: int) -> Page:
        """Records in the order of the chain, then those that wait for their place.

        A page looks at 20,000 positions at most, however few it wants of them.
        Each begins with what was chained since the one before, so that no
        record slips from one part to the other unseen.
        """
        last = await self._last()
        found, upto = await self._chained(after.position, last, limit + 1)
        if len(found) > limit:
            found = found[:limit]
            upto = found[-1]["position"]
        if upto < last:
            return Page(found, Place(upto, after.record_id), upto, last)
        rest = limit - len(found)
        waiting = await self._waiting(after.record_id, rest + 1)
        following = None
        if len(waiting) > rest:
            following = Place(last, waiting[rest - 1]["_id"] if rest else after.record_id)
        return Page([*found, *waiting[:rest]], following, last, last)

    async def _last(self) -> int:
        """The last position of the program's chain."""
        chained = _chained(self.wanted["program_id"], {"$gt": 0})
        found = await self.records.find_one(chained, _POSITION, sort=[("position", -1)], session=self.session)
        return 0 if found is None else int(found["position"])

    async def _chained(self, after: int, last: int, limit: int) -> tuple[list[Document], int]:
        """Records behind a position, and up to where they were looked for."""
        following = _chained(self.wanted["program_id"], {"$gt": after})
        first = await self.records.find_one(
            following, _POSITION, sort=[("position", 1)], session=self.session
        )
        upto = last if first is None else min(last, int(first["position"]) + SCANNED_MAX - 1)
        wanted = self.wanted | _chained(self.wanted["program_id"], {"$gt": after, "$lte": upto})
        return await self._found(wanted, "position", limit), upto

    async def _waiting(self, after: str, limit: int) -> list[Document]:
        """Records that have no place yet, behind one of them."""
        waiting = {"unsequenced": True, "_id": {"$gt": after}, "position": {"$exists": False}}
        return await self._found(self.wanted | waiting, "_id", limit)

    async def _found(self, wanted: Document, order: str, limit: int) -> list[Document]:
        found = self.records.find(wanted, session=self.session).sort(order, 1).limit(limit)
        return [each async for each in found]


def place_text(place: Place) -> str:
    """A place as page tokens have it."""
    return f"{place.position}/{place.record_id}"


def place_of(text: str | None) -> Place:
    """The place that a page token names; whoever makes one up reads on from elsewhere in the same list."""
    found = _PLACE.fullmatch("0/" if text is None else text)
    if found is None:
        raise PageTokenInvalid
    return Place(int(found[1]), found[2])


async def heads_after(
    database: Database, name: str, program_id: str, *, after_position: int, limit: int
) -> tuple[list[Head], bool]:
    """Heads in the order of their positions, and whether there are more.

    As a majority has them: records that are read afterwards are of a later
    moment, so no head is ahead of its record.
    """
    settled = database.get_collection(name, codec_options=CODEC, read_concern=ReadConcern("majority"))
    found = settled.find(_chained(program_id, {"$gt": after_position})).sort("position", 1)
    heads = [head_from(each) async for each in found.limit(limit + 1)]
    return heads[:limit], len(heads) > limit


def _chained(program_id: str, positions: Document) -> Document:
    """What has a place in the chain; a position that is no integer is none."""
    return {"program_id": program_id, "position": {**positions, "$type": ["int", "long"]}}
