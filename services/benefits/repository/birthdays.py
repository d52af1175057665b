"""Birthdays as members announced them, and when each is to be told of next."""

from collections.abc import Iterable
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from libs.common.birthdays import Birthday
from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.repository.store import BenefitsStore

BIRTHDAYS: Document = {
    "required": ["program_id", "birthday", "change_seq"],
    "properties": {
        "birthday": {"bsonType": "string"},
        "change_seq": {"bsonType": ["int", "long"], "minimum": 1},
        "greeting_time": {"bsonType": "date"},
    },
}


async def ensure_birthday_indexes(database: Database) -> None:
    """Found by their member, and by when they are told of."""
    await ensure_collection(database, "birthdays", BIRTHDAYS)
    await database.birthdays.create_index([("program_id", 1), ("greeting_time", 1), ("_id", 1)])


async def birthdays_of(store: BenefitsStore, member_ids: Iterable[str]) -> dict[str, Birthday]:
    """The birthdays of those members who told theirs."""
    wanted = sorted(set(member_ids))
    if not wanted:
        return {}
    told = {"_id": {"$in": wanted}, "birthday": {"$ne": ""}}
    found = store.database.birthdays.find(told, {"birthday": 1}, session=store.session)
    return {each["_id"]: Birthday.parse(each["birthday"]) async for each in found}


async def keep_birthday(
    store: BenefitsStore,
    program_id: str,
    member_id: str,
    birthday: Birthday | None,
    *,
    change_seq: int,
    greeting_time: datetime | None,
) -> None:
    """Keep what was announced last; what comes late or again changes nothing.

    Of one that was taken out its place is left, so that nothing older comes back.
    """
    older = {"_id": member_id, "change_seq": {"$lt": change_seq}}
    kept: Document = {"program_id": program_id, "birthday": str(birthday or ""), "change_seq": change_seq}
    greeting = {"greeting_time": greeting_time}
    update = {"$set": kept | greeting} if greeting_time else {"$set": kept, "$unset": {"greeting_time": ""}}
    try:
        await store.database.birthdays.update_one(older, update, upsert=True, session=store.session)
    except DuplicateKeyError:
        return


async def to_greet(
    store: BenefitsStore, program_id: str, until: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """Whose birthday is to be told of until a time, and when; the soonest first."""
    due = {"program_id": program_id, "greeting_time": {"$lte": until}}
    found = store.database.birthdays.find(due, {"greeting_time": 1}, session=store.session)
    soonest = found.sort([("greeting_time", 1), ("_id", 1)]).limit(limit)
    return [(each["_id"], each["greeting_time"]) async for each in soonest]


async def greeted(store: BenefitsStore, member_id: str, time: datetime, following: datetime) -> bool:
    """Go on to the next birthday of a member; False where it is no longer to be told of at that time."""
    written = await store.database.birthdays.update_one(
        {"_id": member_id, "greeting_time": time},
        {"$set": {"greeting_time": following}},
        session=store.session,
    )
    return written.modified_count == 1
