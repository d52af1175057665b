"""What somebody has had on a business day, in one document, so that no two pass a limit together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument, UpdateOne

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.repository.store import BenefitsStore

# Longer than anything that is given back counts; a sandbox may stay on a day for months.
DAYS_KEPT = timedelta(days=400)
_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
DAY_COUNT: Document = {
    "required": ["program_id", "amount", "times"],
    "properties": {"amount": _COUNT, "times": _COUNT},
}


@dataclass(frozen=True, slots=True)
class Counted:
    """So much in so many times."""

    amount: int = 0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """What is counted, of whom, on which business day of a program."""

    program_id: str
    what: str
    who: str
    date: str

    @property
    def key(self) -> str:
        """The document that counts."""
        return f"{self.program_id}/{self.what}/{self.who}/{self.date}"


async def ensure_day_counts(database: Database) -> None:
    """No count falls below nothing, and old days go."""
    await ensure_collection(database, "day_counts", DAY_COUNT)
    await database.day_counts.create_index(
        "counted_time", expireAfterSeconds=int(DAYS_KEPT.total_seconds()), name="kept"
    )


async def count(store: BenefitsStore, day: Day, *, amount: int, now: datetime) -> Counted:
    """Count so much, once more, and give what the day had before.

    First in the transaction. Who finds it too much refuses, which takes the
    counting back; two at the same moment meet here, and one comes after the other.
    """
    found = await store.database.day_counts.find_one_and_update(
        {"_id": day.key},
        _counting(day, amount, now),
        upsert=True,
        return_document=ReturnDocument.BEFORE,
        session=store.session,
    )
    return _counted(found)


async def count_within(
    store: BenefitsStore, wanted: Sequence[tuple[Day, int]], *, most: int, now: datetime
) -> list[bool]:
    """Count amounts one after another, once more each, as far as their days have room; says which were.

    Two transactions that count on a day at the same moment meet here: one of them is made again.
    """
    found = store.database.day_counts.find(
        {"_id": {"$in": sorted({day.key for day, _ in wanted})}}, session=store.session
    )
    amounts = {each["_id"]: int(each["amount"]) async for each in found}
    counts: list[UpdateOne] = []
    within = []
    for day, amount in wanted:
        amounts[day.key] = after = amounts.get(day.key, 0) + amount
        within.append(after <= most)
        if within[-1]:
            counts.append(UpdateOne({"_id": day.key}, _counting(day, amount, now), upsert=True))
        else:
            amounts[day.key] -= amount
    if counts:
        await store.database.day_counts.bulk_write(counts, session=store.session)
    return within


def _counting(day: Day, amount: int, now: datetime) -> Document:
    first = {"program_id": day.program_id, "counted_time": now}
    return {"$inc": {"amount": amount, "times": 1}, "$setOnInsert": first}


async def uncount(store: BenefitsStore, day: Day, *, amount: int, times: int) -> None:
    """Take so much off a day again."""
    change = {"$inc": {"amount": -amount, "times": -times}}
    await store.database.day_counts.update_one({"_id": day.key}, change, session=store.session)


async def counted(store: BenefitsStore, days: Iterable[Day]) -> dict[str, Counted]:
    """What these days have, by whose they are; of those on which anything was counted."""
    owners = {day.key: day.who for day in days}
    found = store.database.day_counts.find({"_id": {"$in": sorted(owners)}}, session=store.session)
    return {owners[each["_id"]]: _counted(each) async for each in found}


def _counted(found: Document | None) -> Counted:
    return Counted() if found is None else Counted(found["amount"], found["times"])
