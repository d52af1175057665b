"""How standings of members are kept; each function works in the transaction of its store."""

from collections import defaultdict
from collections.abc import Iterable

from libs.common.mongo import Database, ensure_collection
from services.benefits.domain.unlocks import Standing
from services.benefits.repository.store import BenefitsStore


async def ensure_standing_indexes(database: Database) -> None:
    """One standing for a member and month."""
    await ensure_collection(
        database, "standings", {"required": ["program_id", "member_id", "month", "standard"]}
    )
    await database.standings.create_index([("member_id", 1), ("month", 1)], unique=True)


async def keep(store: BenefitsStore, standing: Standing) -> str | None:
    """Keep the standing of a month, in place of the one before, which is given."""
    key = {"_id": f"{standing.program_id}/{standing.member_id}/{standing.month}"}
    fields = {"program_id": standing.program_id, "member_id": standing.member_id, "month": standing.month}
    before = await store.database.standings.find_one_and_update(
        key,
        {"$set": {"standard": standing.standard}, "$setOnInsert": fields},
        upsert=True,
        session=store.session,
    )
    return None if before is None else str(before["standard"])


async def of_members(
    store: BenefitsStore, program_id: str, member_ids: Iterable[str]
) -> dict[str, list[Standing]]:
    """The standings of members, by member."""
    wanted = {"member_id": {"$in": sorted(set(member_ids))}, "program_id": program_id}
    standings: dict[str, list[Standing]] = defaultdict(list)
    async for each in store.database.standings.find(wanted, session=store.session):
        standings[each["member_id"]].append(
            Standing(program_id, each["member_id"], each["month"], each["standard"])
        )
    return dict(standings)
