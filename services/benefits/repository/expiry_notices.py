"""How far the notices of expiring points are, and the lots that they are about."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from libs.common.mongo import Document
from services.benefits.domain.expiry_notices import Walk
from services.benefits.domain.ledger import Lot
from services.benefits.repository.documents import lot_from
from services.benefits.repository.ledger import EXPIRING
from services.benefits.repository.store import BenefitsStore


async def walks(store: BenefitsStore, program_id: str) -> dict[int, Walk]:
    """How far the notices of a program are, by the days ahead."""
    found = store.database.expiry_walks.find({"program_id": program_id}, session=store.session)
    return {document["days"]: _walk(document) async for document in found}


async def begin(store: BenefitsStore, walk: Walk) -> None:
    """Keep where a walk begins, unless it has begun."""
    await store.database.expiry_walks.update_one(
        {"_id": _key(walk)}, {"$setOnInsert": _fields(walk)}, upsert=True, session=store.session
    )


async def go_on(store: BenefitsStore, walk: Walk) -> None:
    """Keep how far a walk is by now."""
    await store.database.expiry_walks.update_one(
        {"_id": _key(walk)}, {"$set": _fields(walk)}, session=store.session
    )


async def lots_after(store: BenefitsStore, walk: Walk, *, before: datetime, limit: int) -> list[Lot]:
    """What is left to expire behind the place of a walk and before a time, in its order."""
    same = {"expire_time": walk.expire_time, "_id": {"$gt": walk.lot_id}}
    later = {"expire_time": {"$gt": walk.expire_time, "$lt": before}}
    wanted = {"program_id": walk.program_id, **EXPIRING, "$or": [same, later]}
    found = store.database.lots.find(wanted, session=store.session)
    return [lot_from(each) async for each in found.sort([("expire_time", 1), ("_id", 1)]).limit(limit)]


async def expiring_points(
    store: BenefitsStore, account_ids: Iterable[str], since: datetime, before: datetime
) -> dict[str, int]:
    """How many points of each account expire from a time on and before another."""
    summed: Sequence[dict[str, Any]] = [
        {
            "$match": {
                "account_id": {"$in": sorted(set(account_ids))},
                **EXPIRING,
                "expire_time": {"$type": "date", "$gte": since, "$lt": before},
            }
        },
        {"$group": {"_id": "$account_id", "points": {"$sum": "$remaining"}}},
    ]
    found = store.database.lots.aggregate(summed, session=store.session)
    return {each["_id"]: each["points"] async for each in found}


def _key(walk: Walk) -> str:
    return f"{walk.program_id}/{walk.days}"


def _fields(walk: Walk) -> Document:
    return {
        "program_id": walk.program_id,
        "days": walk.days,
        "expire_time": walk.expire_time,
        "lot_id": walk.lot_id,
    }


def _walk(document: Document) -> Walk:
    return Walk(document["program_id"], document["days"], document["expire_time"], document["lot_id"])
