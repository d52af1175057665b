"""How reveals are counted and break-glasses kept; each function works in the transaction of its store."""

from datetime import date, datetime

from pymongo import ReturnDocument

from libs.common.mongo import ANSWERS_KEPT, Document
from services.members.domain.reveals import BreakGlass
from services.members.repository.store import MembersStore


async def count_reveal(
    store: MembersStore, program_id: str, subject: str, day: date, *, now: datetime
) -> int:
    """Count one more reveal of a principal on a business day; gives how many those are."""
    counted = await store.database.reveals.find_one_and_update(
        {"_id": f"{program_id}/{day.isoformat()}/{subject}"},
        {"$inc": {"count": 1}, "$setOnInsert": {"program_id": program_id, "expires": now + ANSWERS_KEPT}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=store.session,
    )
    return int(counted["count"])


async def break_glass(store: MembersStore, program_id: str, break_glass_id: str) -> BreakGlass | None:
    """The break-glass of this id, if the program has it."""
    wanted = {"_id": break_glass_id, "program_id": program_id}
    found = await store.database.break_glasses.find_one(wanted, session=store.session)
    return None if found is None else _break_glass(found)


async def open_break_glasses(
    store: MembersStore, program_id: str, *, now: datetime, before: str, limit: int
) -> list[BreakGlass]:
    """Those of a program that are open, the latest first, behind one of them."""
    wanted: Document = {"program_id": program_id, "until_time": {"$gt": now}}
    if before:
        wanted["_id"] = {"$lt": before}
    found = store.database.break_glasses.find(wanted, session=store.session).sort("_id", -1).limit(limit)
    return [_break_glass(document) async for document in found]


def _break_glass(document: Document) -> BreakGlass:
    return BreakGlass(
        break_glass_id=document["_id"],
        program_id=document["program_id"],
        opened_by=document["opened_by"],
        opened_time=document["opened_time"],
        until_time=document["until_time"],
        reveals_count=document["reveals_count"],
    )


async def keep_break_glass(store: MembersStore, glass: BreakGlass) -> None:
    """Keep a break-glass, new or as it has become."""
    kept = {
        "program_id": glass.program_id,
        "opened_by": glass.opened_by,
        "opened_time": glass.opened_time,
        "until_time": glass.until_time,
        "reveals_count": glass.reveals_count,
        "expires": glass.until_time + ANSWERS_KEPT,
    }
    await store.database.break_glasses.replace_one(
        {"_id": glass.break_glass_id}, kept, upsert=True, session=store.session
    )
