"""Adjustments as Mongo documents; all in the transaction of the store."""

from collections.abc import Sequence

from libs.common.mongo import Database, Document, ensure_collection
from libs.common.plain import asdict
from services.benefits.domain.adjustments import Adjustment, AdjustmentState
from services.benefits.repository.store import BenefitsStore

PENDING = {"state": AdjustmentState.PENDING}
ADJUSTMENT: Document = {
    "required": ["program_id", "member_id", "points", "reason", "asked_by", "state"],
    "properties": {
        "points": {"bsonType": ["int", "long"], "not": {"enum": [0]}},
        "state": {"enum": list(AdjustmentState)},
    },
}


async def ensure_adjustment_indexes(database: Database) -> None:
    """Those that wait are listed by their program."""
    await ensure_collection(database, "adjustments", ADJUSTMENT)
    await database.adjustments.create_index(
        [("program_id", 1), ("_id", 1)], name="pending", partialFilterExpression=PENDING
    )


async def add(store: BenefitsStore, new: Sequence[Adjustment]) -> None:
    await store.database.adjustments.insert_many(list(map(_document, new)), session=store.session)


async def keep(store: BenefitsStore, adjustment: Adjustment) -> None:
    """Store an adjustment, new or as it is now."""
    document = _document(adjustment)
    await store.database.adjustments.replace_one(
        {"_id": document["_id"]}, document, upsert=True, session=store.session
    )


async def one(store: BenefitsStore, program_id: str, adjustment_id: str) -> Adjustment | None:
    wanted = {"_id": adjustment_id, "program_id": program_id}
    found = await store.database.adjustments.find_one(wanted, session=store.session)
    return None if found is None else _adjustment_from(found)


async def pending(store: BenefitsStore, program_id: str, *, after: str, limit: int) -> list[Adjustment]:
    """Those that wait, the oldest first, behind one of them."""
    wanted = {"program_id": program_id, "_id": {"$gt": after}, **PENDING}
    found = store.database.adjustments.find(wanted, session=store.session).sort("_id", 1).limit(limit)
    return [_adjustment_from(document) async for document in found]


def _document(adjustment: Adjustment) -> Document:
    fields = asdict(adjustment)
    return {"_id": fields.pop("adjustment_id"), **fields}


def _adjustment_from(document: Document) -> Adjustment:
    fields = {name: value for name, value in document.items() if name not in {"_id", "state"}}
    return Adjustment(document["_id"], state=AdjustmentState(document["state"]), **fields)
