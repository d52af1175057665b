"""Who was refused for which limit on which business day, so that each is told once."""

from collections.abc import Sequence

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.limits import LimitRefusal
from services.benefits.repository.day_counts import DAYS_KEPT
from services.benefits.repository.store import BenefitsStore

LIMIT_REFUSAL: Document = {"required": ["program_id", "member_id", "limit", "business_date", "refused_time"]}


async def ensure_limit_refusals(database: Database) -> None:
    """They go with the counts of their days."""
    await ensure_collection(database, "limit_refusals", LIMIT_REFUSAL)
    await database.limit_refusals.create_index(
        "refused_time", expireAfterSeconds=int(DAYS_KEPT.total_seconds()), name="kept"
    )


async def untold(store: BenefitsStore, refusals: Sequence[LimitRefusal]) -> list[LimitRefusal]:
    """Those of some refusals that are not kept yet."""
    wanted = {"_id": {"$in": [each.key for each in refusals]}}
    found = store.database.limit_refusals.find(wanted, {"_id": 1}, session=store.session)
    kept = {each["_id"] async for each in found}
    return [each for each in refusals if each.key not in kept]


async def add(store: BenefitsStore, refusals: Sequence[LimitRefusal]) -> None:
    """Keep new refusals; who does so at the same moment meets a key that is there."""
    documents = [
        {
            "_id": each.key,
            "program_id": each.program_id,
            "member_id": each.member_id,
            "limit": str(each.limit),
            "business_date": each.business_date,
            "refused_time": each.refused_time,
        }
        for each in refusals
    ]
    await store.database.limit_refusals.insert_many(documents, session=store.session)
