"""The attributes of members, read page by page in the order of their ids."""

from libs.common.mongo import Database
from services.members.domain.attributes import Traits

_READ = {
    "store_id": 1,
    "identities": {"$slice": 1},
    "registered_time": 1,
    "verification": 1,
}


async def traits(database: Database, program_id: str, *, after: str, limit: int) -> dict[str, Traits]:
    """Of so many members above an id, ascending; who registered them is the first who knew them."""
    wanted = {"program_id": program_id, "_id": {"$gt": after}}
    found = database.members.find(wanted, _READ, batch_size=limit)
    ordered = found.sort([("program_id", 1), ("_id", 1)]).limit(limit)
    return {
        each["_id"]: Traits(
            store_id=each["store_id"],
            source=each["identities"][0]["source"] if each["identities"] else "",
            registered_time=each["registered_time"],
            verification=each["verification"],
        )
        for each in await ordered.to_list(limit)
    }
