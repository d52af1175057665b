"""The only file of risk that knows Mongo: profiles, by member."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ReplaceOne

from libs.common import mongo
from libs.common.mongo import Database, Document, Session, ensure_collection, ensure_common_indexes
from services.risk.domain.integrity import INTEGRITY_MAX, INTEGRITY_MIN, Integrity, Part
from services.risk.domain.profiles import Profile

_WHOLE = {"bsonType": ["int", "long"]}
_PROFILE: Document = {
    "required": ["program_id", "verification", "integrity", "level", "seq", "applied_seq"],
    "properties": {
        "integrity": {**_WHOLE, "minimum": INTEGRITY_MIN, "maximum": INTEGRITY_MAX},
        "seq": {**_WHOLE, "minimum": 1},
        "applied_seq": {**_WHOLE, "minimum": 0},
    },
}


async def ensure_indexes(database: Database) -> None:
    """Make what is missing; run at every start."""
    await ensure_common_indexes(database)
    await ensure_collection(database, "profiles", _PROFILE)
    await database.profiles.create_index([("program_id", 1), ("level", 1)])


@dataclass(frozen=True, slots=True)
class RiskStore:
    """Reads and writes of one moment: inside a session, or outside any."""

    database: Database
    session: Session | None = None

    async def transaction(self, work: Callable[["RiskStore"], Awaitable[None]]) -> None:
        """Run work in one transaction, again until it commits."""
        await mongo.transaction(self.database.client, lambda session: work(RiskStore(self.database, session)))

    async def profiles(self, member_ids: Iterable[str]) -> dict[str, Profile]:
        found = self.database.profiles.find({"_id": {"$in": sorted(set(member_ids))}}, session=self.session)
        return {document["_id"]: _profile(document) async for document in found}

    async def keep(self, profiles: Sequence[Profile], announcements: Sequence[Document]) -> None:
        """Store profiles with what is announced of them."""
        if profiles:
            replaced = [
                ReplaceOne({"_id": each.member_id}, _document(each), upsert=True) for each in profiles
            ]
            await self.database.profiles.bulk_write(replaced, ordered=False, session=self.session)
        if announcements:
            await self.database.outbox.insert_many(list(announcements), session=self.session)

    async def positions(self, program_id: str | None) -> dict[str, tuple[int, int]]:
        """Members and the sum of their applied sequences, by program."""
        group: list[dict[str, Any]] = [
            {"$match": {} if program_id is None else {"program_id": program_id}},
            {"$group": {"_id": "$program_id", "count": {"$sum": 1}, "applied": {"$sum": "$applied_seq"}}},
        ]
        return {
            each["_id"]: (each["count"], each["applied"])
            async for each in self.database.profiles.aggregate(group)
        }


def _document(profile: Profile) -> Document:
    return {
        "_id": profile.member_id,
        "program_id": profile.program_id,
        "verification": profile.verification,
        "reporters": profile.reporters,
        "integrity": profile.integrity.score,
        "level": profile.integrity.level,
        "parts": [{"code": part.code, "points": part.points} for part in profile.integrity.parts],
        "seq": profile.seq,
        "applied_seq": profile.applied_seq,
        "changed_time": profile.changed_time,
    }


def _profile(document: Document) -> Profile:
    parts = tuple(Part(part["code"], part["points"]) for part in document["parts"])
    return Profile(
        program_id=document["program_id"],
        member_id=document["_id"],
        verification=document["verification"],
        reporters=document["reporters"],
        integrity=Integrity(document["integrity"], document["level"], parts),
        seq=document["seq"],
        applied_seq=document["applied_seq"],
        changed_time=document["changed_time"],
    )
