"""Counters in a database: the smallest thing that loses updates where transactions do not hold."""

from libs.common.errors import Refusal
from libs.common.mongo import Database, Session


class SoldOut(Refusal):
    reason = "SOLD_OUT"


async def amount(database: Database, key: str = "a") -> int | None:
    found = await database.counters.find_one({"_id": key})
    return None if found is None else int(found["amount"])


async def incremented(database: Database, session: Session, key: str = "a") -> int:
    """Read, decide, write: what loses updates where transactions do not hold."""
    found = await database.counters.find_one({"_id": key}, session=session)
    value = (int(found["amount"]) if found else 0) + 1
    await database.counters.replace_one(
        {"_id": key}, {"_id": key, "amount": value}, upsert=True, session=session
    )
    return value
