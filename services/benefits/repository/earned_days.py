"""What rules under caps gave each member on a business day; in the transaction of the posting."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from pymongo import ReplaceOne

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.earning_caps import Earned, Used
from services.benefits.domain.effects import Effect
from services.benefits.repository.store import BenefitsStore

# After the last change. What comes later than that for a day finds its caps unused.
DAYS_KEPT = timedelta(days=100)
EARNED_DAY: Document = {
    "required": ["program_id", "member_id", "date", "rules", "changed_time"],
    "properties": {"rules": {"bsonType": "object"}, "changed_time": {"bsonType": "date"}},
}

MemberDay = tuple[str, date]


async def ensure_earned_days(database: Database) -> None:
    """Found by their id; old ones go."""
    await ensure_collection(database, "earned_days", EARNED_DAY)
    await database.earned_days.create_index(
        "changed_time", expireAfterSeconds=int(DAYS_KEPT.total_seconds()), name="kept"
    )


async def earned_on(
    store: BenefitsStore, program_id: str, days: Iterable[MemberDay]
) -> dict[MemberDay, Earned]:
    """What was earned on these days; of those on which anything was."""
    keys = {_key(program_id, *each): each for each in days}
    if not keys:
        return {}
    found = store.database.earned_days.find({"_id": {"$in": sorted(keys)}}, session=store.session)
    return {
        keys[each["_id"]]: {rule: Used(**used) for rule, used in each["rules"].items()}
        async for each in found
    }


async def keep_earned(store: BenefitsStore, effects: Sequence[Effect], now: datetime) -> None:
    """Keep what was earned with these effects on the days that they changed.

    Whole, as the version of the member's memberships says that nobody else has changed it.
    """
    writes = []
    for effect in effects:
        program_id, member_id = effect.after[0].program_id, effect.after[0].member_id
        for day, earned in effect.earned.items():
            key = _key(program_id, member_id, day)
            document = {
                "_id": key,
                "program_id": program_id,
                "member_id": member_id,
                "date": day.isoformat(),
                "rules": {rule: asdict(used) for rule, used in earned.items()},
                "changed_time": now,
            }
            writes.append(ReplaceOne({"_id": key}, document, upsert=True))
    if writes:
        await store.database.earned_days.bulk_write(writes, ordered=False, session=store.session)


def _key(program_id: str, member_id: str, day: date) -> str:
    return f"{program_id}/{member_id}/{day.isoformat()}"
