"""Tiers that members reached, as Mongo documents; all in the transaction of the store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from libs.common.mongo import Database, Document, ensure_collection, update_each
from libs.common.plain import asdict
from services.benefits.domain.reached import Reached
from services.benefits.repository.store import BenefitsStore

REACHED: Document = {
    "required": [
        "program_id",
        "member_id",
        "tier_set",
        "tier",
        "rank",
        "points",
        "reached_time",
        "decision_id",
    ],
    "properties": {
        "points": {"bsonType": ["int", "long"], "minimum": 0},
        "reached_time": {"bsonType": "date"},
    },
}
# Rewards that are not given yet, and nothing else, are in the index of what is due.
WAITING: Document = {"waiting": True}


async def ensure_reached_indexes(database: Database) -> None:
    """Found by their member, and by when a reward is due."""
    await ensure_collection(database, "reached_tiers", REACHED)
    await database.reached_tiers.create_index("member_id")
    await database.reached_tiers.create_index(
        [("program_id", 1), ("reached_time", 1), ("rank", 1), ("_id", 1)],
        name="waiting",
        partialFilterExpression=WAITING,
    )


async def add(store: BenefitsStore, reached: Sequence[Reached]) -> None:
    """Write down what was not reached before; behind the memberships, where two at once meet."""
    if not reached:
        return
    first = {each.key: each for each in reversed(reached)}
    known = await by_keys(store, first)
    if new := [_document(each) for key, each in sorted(first.items()) if key not in known]:
        await store.database.reached_tiers.insert_many(new, session=store.session)


async def by_keys(store: BenefitsStore, keys: Collection[str]) -> dict[str, Reached]:
    """Those of some tiers that were reached, by key."""
    found = store.database.reached_tiers.find({"_id": {"$in": sorted(keys)}}, session=store.session)
    return {each["_id"]: _reached_from(each) async for each in found}


async def of_members(store: BenefitsStore, program_id: str, member_ids: Iterable[str]) -> dict[str, Reached]:
    """What members have reached, by key."""
    wanted = {"member_id": {"$in": sorted(set(member_ids))}, "program_id": program_id}
    found = store.database.reached_tiers.find(wanted, session=store.session)
    return {each["_id"]: _reached_from(each) async for each in found}


async def waiting(
    store: BenefitsStore, program_id: str, until: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """The rewards to be given until a time, and when each was reached; the soonest and lowest first."""
    due = {"program_id": program_id, "reached_time": {"$lte": until}, **WAITING}
    found = store.database.reached_tiers.find(due, {"reached_time": 1}, session=store.session)
    soonest = found.sort([("reached_time", 1), ("rank", 1), ("_id", 1)]).limit(limit)
    return [(each["_id"], each["reached_time"]) async for each in soonest]


async def given(store: BenefitsStore, posted: Mapping[str, str]) -> None:
    """Write down the transactions that gave points, by key."""
    assert store.session is not None, "with what is posted"
    updates: list[Document] = [
        {"q": {"_id": key}, "u": {"$set": {"transaction_id": transaction_id}, "$unset": {"waiting": ""}}}
        for key, transaction_id in posted.items()
    ]
    await update_each(store.database.reached_tiers, updates, store.session)


def _document(reached: Reached) -> Document:
    return {"_id": reached.key, **asdict(reached), **(WAITING if reached.points else {})}


def _reached_from(document: Document) -> Reached:
    return Reached(**{name: value for name, value in document.items() if name not in {"_id", "waiting"}})
