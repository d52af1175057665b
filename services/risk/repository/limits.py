"""Who was refused for which limit on which day, as Mongo keeps it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from libs.common.mongo import Database, Document, ensure_collection
from services.risk.domain.limits import LimitRefusal, RefusedLimit
from services.risk.domain.reports import WINDOW

LIMIT_REFUSAL: Document = {"required": ["program_id", "member_id", "limit", "business_date", "refused_time"]}


async def ensure_limit_refusals(database: Database) -> None:
    """They are found by member, and kept as long as they count."""
    await ensure_collection(database, "limit_refusals", LIMIT_REFUSAL)
    await database.limit_refusals.create_index([("member_id", 1), ("refused_time", 1)])
    await database.limit_refusals.create_index(
        "refused_time", expireAfterSeconds=int(WINDOW.total_seconds()), name="kept"
    )


async def keep(database: Database, refusals: Sequence[LimitRefusal]) -> None:
    """Keep refusals, each under what it is of: the same one again changes nothing."""
    updates = [
        UpdateOne(
            {"_id": f"{each.program_id}/{each.member_id}/{each.limit}/{each.business_date}"},
            {
                "$setOnInsert": {
                    "program_id": each.program_id,
                    "member_id": each.member_id,
                    "limit": each.limit,
                    "business_date": each.business_date,
                    "refused_time": each.refused_time,
                }
            },
            upsert=True,
        )
        for each in refusals
    ]
    await database.limit_refusals.bulk_write(updates, ordered=False)


async def refused(
    database: Database, program_id: str, member_ids: Sequence[str], since: datetime
) -> dict[str, list[RefusedLimit]]:
    """For which limits members were refused since a time, the latest first."""
    stages: list[dict[str, Any]] = [
        {"$match": {"member_id": {"$in": sorted(member_ids)}, "refused_time": {"$gte": since}}},
        {"$match": {"program_id": program_id}},
        {
            "$group": {
                "_id": {"member_id": "$member_id", "limit": "$limit"},
                "days": {"$sum": 1},
                "latest": {"$max": "$refused_time"},
            }
        },
        {"$sort": {"latest": -1, "_id": 1}},
    ]
    found: dict[str, list[RefusedLimit]] = defaultdict(list)
    async for each in database.limit_refusals.aggregate(stages):
        limit = RefusedLimit(each["_id"]["limit"], each["days"], each["latest"])
        found[each["_id"]["member_id"]].append(limit)
    return found
