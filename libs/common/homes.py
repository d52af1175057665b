"""The homes of members, kept beside what a service holds of them, so that it knows who sees them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from pymongo import UpdateOne

from libs.common.caller import caller, granted
from libs.common.mongo import Database, Document
from libs.common.visibility import Home, caller_sees

Belongs = tuple[str, str, Home]
KeepHomes = Callable[[Sequence[Belongs]], Awaitable[None]]


async def keep_homes(database: Database, homes: Sequence[Belongs]) -> None:
    """Keep where members belong, as (program, member, home); what is kept never changes."""
    kept = [
        UpdateOne(
            {"_id": member_id},
            {
                "$setOnInsert": {
                    "program_id": program_id,
                    "store_id": home.store_id,
                    "sharing_group": home.sharing_group,
                    "partner_id": home.partner_id,
                }
            },
            upsert=True,
        )
        for program_id, member_id, home in homes
    ]
    if kept:
        await database.homes.bulk_write(kept, ordered=False)


async def visible(database: Database, program_id: str, member_ids: Iterable[str]) -> set[str]:
    """Those of the members that the present caller's grant reaches; it reads only when it must."""
    wanted = set(member_ids)
    match granted().scope:
        case "program" | "all":
            return wanted
        case "self":
            return wanted & {caller().subject}
    found = database.homes.find({"_id": {"$in": sorted(wanted)}, "program_id": program_id})
    return {each["_id"] async for each in found if caller_sees(each["_id"], _home(each))}


async def homes_of(database: Database, program_id: str, member_ids: Iterable[str]) -> dict[str, Home]:
    """Where members belong, of those whom this service has heard of."""
    wanted = {"_id": {"$in": sorted(set(member_ids))}, "program_id": program_id}
    return {each["_id"]: _home(each) async for each in database.homes.find(wanted)}


async def is_visible(database: Database, program_id: str, member_id: str) -> bool:
    """Whether this service has heard of a member, and the present caller's grant reaches them."""
    return await seen_home(database, program_id, member_id) is not None


async def seen_home(database: Database, program_id: str, member_id: str) -> Home | None:
    """Where a member belongs whom this service has heard of and the present caller's grant reaches."""
    found = await database.homes.find_one({"_id": member_id, "program_id": program_id})
    home = None if found is None else _home(found)
    return home if home is not None and caller_sees(member_id, home) else None


def homes_seen() -> Document:
    """The filter for lists of members that leaves those whom the present caller's grant reaches."""
    principal, scope = caller(), granted().scope
    if scope in {"program", "all"}:
        return {}
    if scope == "self":
        return {"$and": [{"_id": principal.subject}]}
    if principal.kind == "partner":
        return {"identities.0.source": principal.subject}
    stores: Document = {"store_id": {"$in": [each for each in principal.stores if each]}}
    if scope == "store":
        return stores
    return {"$or": [stores, {"sharing_group": {"$in": [each for each in principal.sharing_groups if each]}}]}


def kept_homes_seen(field: str) -> Document:
    """The filter for records about members that keep their homes in a field of this name."""
    principal, scope = caller(), granted().scope
    if scope in {"program", "all"}:
        return {}
    if scope == "self":
        return {"member_id": principal.subject}
    if principal.kind == "partner":
        return {f"{field}.partner_id": principal.subject}
    stores: Document = {f"{field}.store_id": {"$in": [each for each in principal.stores if each]}}
    if scope == "store":
        return stores
    groups = {f"{field}.sharing_group": {"$in": [each for each in principal.sharing_groups if each]}}
    return {"$or": [stores, groups]}


def _home(document: Document) -> Home:
    return Home(document["store_id"], document["sharing_group"], document["partner_id"])
