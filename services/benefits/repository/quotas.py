"""How uses of benefits are kept and counted; each function works in the transaction of its store."""

from collections.abc import Iterable
from dataclasses import asdict

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.quotas import Allowance, BenefitUse, Counted, Place, UseKey
from services.benefits.repository.store import BenefitsStore

_COUNT = {"bsonType": ["int", "long"], "minimum": 0}
_KEY = ("program_id", "source", "external_ref", "benefit")


async def ensure_quota_indexes(database: Database) -> None:
    """A use is kept once for ever under its business key; what was used is never below nothing."""
    counted: Document = {
        "required": ["program_id", "member_id", "benefit", "period", "used", "limit"],
        "properties": {"used": _COUNT, "limit": _COUNT},
    }
    used: Document = {
        "required": [*_KEY, "member_id", "amount", "used_time", "period", "cancelled"],
        "properties": {"amount": {**_COUNT, "minimum": 1}, "cancelled": {"bsonType": "bool"}},
    }
    await ensure_collection(database, "benefit_counters", counted)
    await ensure_collection(database, "benefit_uses", used)
    await database.benefit_counters.create_index([("member_id", 1), ("benefit", 1), ("period", 1)])
    await database.benefit_uses.create_index([(name, 1) for name in _KEY], unique=True)


async def take(store: BenefitsStore, program_id: str, allowance: Allowance, amount: int) -> bool:
    """Take from what there is, if there is so much.

    One document that all uses of the period meet at, so that two of them never take the same.
    """
    member_id, benefit, period = allowance.place
    limit = allowance.counted.limit
    key = {"_id": _counter(program_id, allowance.place)}
    fields = {"program_id": program_id, "member_id": member_id, "benefit": benefit, "period": period}
    made = {"$set": {"limit": limit}, "$setOnInsert": {**fields, "used": 0}}
    counters = store.database.benefit_counters
    await counters.update_one(key, made, upsert=True, session=store.session)
    room = {**key, "used": {"$lte": limit - amount}}
    taken = await counters.update_one(room, {"$inc": {"used": amount}}, session=store.session)
    return taken.modified_count == 1


async def give_back(store: BenefitsStore, use: BenefitUse) -> None:
    """Give back what a use took, in the periods that it was taken from."""
    for place in use.places:
        await store.database.benefit_counters.update_one(
            {"_id": _counter(use.key.program_id, place)},
            {"$inc": {"used": -use.amount}},
            session=store.session,
        )


async def counted(store: BenefitsStore, program_id: str, places: Iterable[Place]) -> dict[Place, Counted]:
    """What was counted, by member, benefit and period; only where anything was."""
    wanted = {"_id": {"$in": sorted({_counter(program_id, place) for place in places})}}
    found = store.database.benefit_counters.find(wanted, session=store.session)
    return {
        (each["member_id"], each["benefit"], each["period"]): Counted(each["used"], each["limit"])
        async for each in found
    }


def _counter(program_id: str, place: Place) -> str:
    return "/".join((program_id, *place))


async def add(store: BenefitsStore, use: BenefitUse) -> None:
    """Keep a new use."""
    fields = asdict(use)
    document = {"_id": fields.pop("use_id"), **fields.pop("key"), **fields}
    await store.database.benefit_uses.insert_one(document, session=store.session)


async def by_key(store: BenefitsStore, key: UseKey) -> BenefitUse | None:
    """The use under a business key."""
    found = await store.database.benefit_uses.find_one(asdict(key), session=store.session)
    return None if found is None else _use(found)


async def by_id(store: BenefitsStore, program_id: str, use_id: str) -> BenefitUse | None:
    """A use of a program."""
    wanted = {"_id": use_id, "program_id": program_id}
    found = await store.database.benefit_uses.find_one(wanted, session=store.session)
    return None if found is None else _use(found)


async def cancel(store: BenefitsStore, use: BenefitUse) -> None:
    """Mark a use as given back."""
    await store.database.benefit_uses.update_one(
        {"_id": use.use_id}, {"$set": {"cancelled": True}}, session=store.session
    )


def _use(document: Document) -> BenefitUse:
    return BenefitUse(
        use_id=document["_id"],
        key=UseKey(**{name: document[name] for name in _KEY}),
        member_id=document["member_id"],
        amount=document["amount"],
        used_time=document["used_time"],
        period=document["period"],
        cancelled=document["cancelled"],
        pool_period=document.get("pool_period", ""),
    )
