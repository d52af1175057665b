"""Overrides of tiers as Mongo documents; all in the transaction of the store."""

from datetime import datetime

from libs.common.mongo import Database, Document, ensure_collection
from libs.common.plain import asdict
from services.benefits.domain.overrides import OverrideState, TierOverride
from services.benefits.repository.store import BenefitsStore

OVERRIDE: Document = {
    "required": ["program_id", "member_id", "tier_set", "tier", "code", "explanation", "asked_by", "state"],
    "properties": {
        "state": {"enum": list(OverrideState)},
        "until_time": {"bsonType": ["date", "null"]},
    },
}


async def ensure_override_indexes(database: Database) -> None:
    """They are listed by their program, by their member, and those that wait."""
    await ensure_collection(database, "tier_overrides", OVERRIDE)
    overrides = database.tier_overrides
    await overrides.create_index([("program_id", 1), ("_id", -1)])
    await overrides.create_index([("member_id", 1), ("_id", -1)])
    await overrides.create_index(
        [("program_id", 1), ("_id", -1)],
        name="pending",
        partialFilterExpression={"state": OverrideState.PENDING},
    )


async def keep(store: BenefitsStore, override: TierOverride) -> None:
    """Store an override, new or as it is now."""
    fields = asdict(override)
    document = {"_id": fields.pop("override_id"), **fields}
    await store.database.tier_overrides.replace_one(
        {"_id": document["_id"]}, document, upsert=True, session=store.session
    )


async def one(store: BenefitsStore, program_id: str, override_id: str) -> TierOverride | None:
    wanted = {"_id": override_id, "program_id": program_id}
    found = await store.database.tier_overrides.find_one(wanted, session=store.session)
    return None if found is None else _override_from(found)


async def end_others(store: BenefitsStore, applied: TierOverride, now: datetime) -> None:
    """End what was in force of the same membership until another one was applied."""
    others = {
        "member_id": applied.member_id,
        "program_id": applied.program_id,
        "tier_set": applied.tier_set,
        "state": OverrideState.APPLIED,
        "_id": {"$ne": applied.override_id},
    }
    ended = {"$set": {"state": OverrideState.ENDED, "ended_time": now}}
    await store.database.tier_overrides.update_many(others, ended, session=store.session)


async def listed(
    store: BenefitsStore, program_id: str, member_id: str, *, pending: bool, before: str, limit: int
) -> list[TierOverride]:
    """Those of a program, or of one member, or that wait alone: the latest first, behind one of them."""
    wanted: Document = {"program_id": program_id}
    if member_id:
        wanted["member_id"] = member_id
    if pending:
        wanted["state"] = OverrideState.PENDING
    if before:
        wanted["_id"] = {"$lt": before}
    found = store.database.tier_overrides.find(wanted, session=store.session).sort("_id", -1).limit(limit)
    return [_override_from(document) async for document in found]


def _override_from(document: Document) -> TierOverride:
    fields = {name: value for name, value in document.items() if name not in {"_id", "state"}}
    return TierOverride(document["_id"], state=OverrideState(document["state"]), **fields)
