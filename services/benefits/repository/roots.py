"""How the roots of a chain's days are kept, and what they are made of."""

from datetime import datetime

from libs.common.chains import sequencer
from libs.common.chains.chain import Root
from libs.common.chains.documents import CODEC, root_document, root_from
from libs.common.mongo import Collection, Document
from services.benefits.domain.roots import Chained, Day, Place
from services.benefits.repository.store import BenefitsStore

FOUND_MS = 30_000
# Records that transactions at the same time may have brought into another order.
NEIGHBOURS = 100
HEADS_DROPPED_AT_ONCE = 5_000
# A root that is signed; until then the document is a day of which subtrees are made.
SIGNED = {"signature": {"$exists": True}}


async def last(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str
) -> tuple[Root | None, Day | None]:
    """The last root of a program, or the day of which one is being made behind it."""
    found = _roots(store, chain).find({"program_id": program_id}).sort("last_position", -1).limit(1)
    async for document in found:
        return (root_from(document), None) if "signature" in document else (None, _day_from(document))
    return None, None


async def first_behind(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str, position: int
) -> datetime | None:
    """The earliest time at which a record right behind a position of the chain was recorded."""
    behind = {"program_id": program_id, "position": {"$gt": position}}
    found = (
        store.database[chain.records].find(behind, {"recorded_time": 1}).sort("position", 1).limit(NEIGHBOURS)
    )
    return min([each["recorded_time"] async for each in found], default=None)


async def waits(store: BenefitsStore, chain: sequencer.Chained, program_id: str, before: datetime) -> bool:
    """Whether a record that was recorded before a time has no place yet."""
    waiting = {"unsequenced": True, "program_id": program_id, "recorded_time": {"$lt": before}}
    return await store.database[chain.records].find_one(waiting, {"_id": 1}) is not None


async def last_before(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str, position: int, before: datetime
) -> int:
    """The last position behind another whose record was recorded before a time.

    Found from the end of the chain, as not much has come since.
    """
    wanted = {"program_id": program_id, "position": {"$gt": position}, "recorded_time": {"$lt": before}}
    found = store.database[chain.records].find(wanted, {"position": 1}).sort("position", -1)
    async for document in found.limit(1).max_time_ms(FOUND_MS):
        return int(document["position"])
    return position


async def chained(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str, first: int, last: int
) -> list[Chained]:
    """What the chain has from one position to another."""
    wanted = {"program_id": program_id, "position": {"$gte": first, "$lte": last}}
    fields = {"_id": 0, "position": 1, "leaf": 1, "chain_hash": 1}
    found = store.database[chain.records].find(wanted, fields, session=store.session).sort("position", 1)
    return [
        Chained(each["position"], str(each.get("leaf")), str(each.get("chain_hash"))) async for each in found
    ]


async def begin(store: BenefitsStore, chain: sequencer.Chained, day: Day) -> None:
    """Keep a day of which a root is to be made; who begins it at the same time is a moment later."""
    document = {"_id": f"{day.program_id}@{day.date}", **_day_document(day)}
    await store.database[chain.roots].update_one(
        {"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True
    )


async def grow(store: BenefitsStore, chain: sequencer.Chained, before: Day, after: Day) -> bool:
    """Keep how far a day is; not where somebody else is further."""
    unmoved = {"_id": f"{before.program_id}@{before.date}", "reached.position": before.reached.position}
    found = await store.database[chain.roots].update_one(unmoved, {"$set": _day_document(after)})
    return found.matched_count == 1


async def sign(store: BenefitsStore, chain: sequencer.Chained, root: Root) -> None:
    """Make a day a root, once; from then on it is never changed."""
    fields = root_document(root)
    unsigned = {"_id": fields.pop("_id"), "signature": {"$exists": False}}
    await store.database[chain.roots].update_one(unsigned, {"$set": fields, "$unset": {"reached": ""}})


async def drop_heads(store: BenefitsStore, chain: sequencer.Chained, root: Root) -> None:
    """Drop some of the heads that a root stands for, once it is kept apart as they are.

    Not the last one: the chain goes on from there.
    """
    anchored = {"program_id": root.program_id, "date": root.date, "unanchored": {"$exists": False}}
    if await store.database[chain.roots].find_one(anchored, {"_id": 1}) is None:
        return
    heads = store.database[chain.heads]
    covered = {"program_id": root.program_id, "position": {"$lt": root.last_position}}
    found = await heads.find(covered, {"_id": 1}).limit(HEADS_DROPPED_AT_ONCE).to_list(None)
    if found:
        gone = {"_id": {"$in": [each["_id"] for each in found]}, "unanchored": {"$exists": False}}
        await heads.delete_many(gone)


async def roots_after(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str, *, after_date: str, limit: int
) -> tuple[list[Root], bool]:
    """Roots in the order of their days, and whether there are more."""
    wanted = {"program_id": program_id, "date": {"$gt": after_date}, **SIGNED}
    found = _roots(store, chain).find(wanted, {"subtrees": 0}).sort("last_position", 1).limit(limit + 1)
    roots = [root_from(each) async for each in found]
    return roots[:limit], len(roots) > limit


async def over(
    store: BenefitsStore, chain: sequencer.Chained, program_id: str, position: int
) -> tuple[Root, bytes] | None:
    """The root that a position is under, with the hashes of its subtrees."""
    wanted = {"program_id": program_id, "last_position": {"$gte": position}, **SIGNED}
    found = _roots(store, chain).find(wanted, session=store.session).sort("last_position", 1).limit(1)
    async for document in found:
        root = root_from(document)
        return (root, bytes(document["subtrees"])) if root.first_position <= position else None
    return None


def _roots(store: BenefitsStore, chain: sequencer.Chained) -> Collection:
    return store.database.get_collection(chain.roots, codec_options=CODEC)


def _day_document(day: Day) -> Document:
    return {
        "program_id": day.program_id,
        "date": day.date,
        "first_position": day.first_position,
        "last_position": day.last_position,
        "reached": {"position": day.reached.position, "chain_hash": day.reached.chain_hash},
        "subtrees": day.subtrees,
    }


def _day_from(document: Document) -> Day:
    return Day(
        program_id=document["program_id"],
        date=document["date"],
        first_position=document["first_position"],
        last_position=document["last_position"],
        reached=Place(**document["reached"]),
        subtrees=bytes(document["subtrees"]),
    )
