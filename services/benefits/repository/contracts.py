"""How contracts are kept and found; each function works in the transaction of its store."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateOne

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.contracts import Contract
from services.benefits.repository.contract_documents import contract_document, contract_from
from services.benefits.repository.store import BenefitsStore

_WHOLE = {"bsonType": ["int", "long"]}
_TIME, _TIME_OR_NONE = {"bsonType": "date"}, {"bsonType": ["date", "null"]}
_DATED = {"$type": "date"}
CONTRACTS: Document = {
    "required": [
        "program_id",
        "member_id",
        "plan",
        "group",
        "terms",
        "source",
        "payment_reference",
        "amount_minor",
        "start_time",
        "end_time",
        "until_time",
        "refunded",
        "pooled",
    ],
    "properties": {
        "amount_minor": {**_WHOLE, "minimum": 0},
        "start_time": _TIME,
        "end_time": _TIME_OR_NONE,
        "until_time": _TIME_OR_NONE,
        "refunded": {"bsonType": "bool"},
        "pooled": {"bsonType": "bool"},
    },
}


async def ensure_contract_indexes(database: Database) -> None:
    """A payment counts once for ever, and of a group no two contracts that stand begin together."""
    await ensure_collection(database, "contracts", CONTRACTS)
    contracts = database.contracts
    payment = [("program_id", 1), ("source", 1), ("payment_reference", 1)]
    await contracts.create_index(payment, unique=True, name="payment")
    await contracts.create_index(
        [("member_id", 1), ("group", 1), ("start_time", 1)],
        unique=True,
        name="place",
        partialFilterExpression={"refunded": False},
    )
    await contracts.create_index(
        [("program_id", 1), ("refund.source", 1), ("refund.reference", 1)],
        unique=True,
        name="refund",
        partialFilterExpression={"refunded": True},
    )
    await contracts.create_index([("member_id", 1), ("_id", -1)], name="of_member")
    await contracts.create_index([("program_id", 1), ("_id", -1)], name="of_program")
    for field in ("reminder_time", "closing_time"):
        await contracts.create_index(
            [("program_id", 1), (field, 1), ("_id", 1)], name=field, partialFilterExpression={field: _DATED}
        )
    await contracts.create_index(
        [("program_id", 1), ("end_time", 1), ("_id", 1)],
        name="pool",
        partialFilterExpression={"pooled": True},
    )


async def claim(store: BenefitsStore, program_id: str, member_ids: Iterable[str]) -> None:
    """Make all who change contracts of a member take turns, whichever contracts they change."""
    turns = [
        UpdateOne({"_id": f"{program_id}/{member_id}"}, {"$inc": {"seq": 1}}, upsert=True)
        for member_id in sorted(set(member_ids))
    ]
    await store.database.contract_turns.bulk_write(turns, ordered=True, session=store.session)


async def keep(store: BenefitsStore, contracts: Sequence[Contract]) -> None:
    """Store contracts as they are now."""
    if contracts:
        whole = [
            ReplaceOne({"_id": each.contract_id}, contract_document(each), upsert=True) for each in contracts
        ]
        await store.database.contracts.bulk_write(whole, ordered=True, session=store.session)


async def by_ids(store: BenefitsStore, program_id: str, contract_ids: Iterable[str]) -> dict[str, Contract]:
    """Contracts of a program."""
    wanted = {"_id": {"$in": sorted(set(contract_ids))}, "program_id": program_id}
    return {each.contract_id: each for each in await _found(store, wanted)}


async def by_payment(store: BenefitsStore, program_id: str, source: str, reference: str) -> Contract | None:
    """The contract that a payment was for."""
    wanted = {"program_id": program_id, "source": source, "payment_reference": reference}
    return next(iter(await _found(store, wanted)), None)


async def by_refund(store: BenefitsStore, program_id: str, source: str, reference: str) -> Contract | None:
    """The contract that was refunded under a reference."""
    wanted = {
        "program_id": program_id,
        "refunded": True,
        "refund.source": source,
        "refund.reference": reference,
    }
    return next(iter(await _found(store, wanted)), None)


async def held(
    store: BenefitsStore, program_id: str, member_ids: Iterable[str], at: datetime
) -> list[Contract]:
    """The contracts of members that run at a time, will, or are in the pool."""
    standing: Document = {"$or": [{"until_time": None}, {"until_time": {"$gt": at}}, {"pooled": True}]}
    wanted = {"member_id": {"$in": sorted(set(member_ids))}, "program_id": program_id}
    return await _found(store, wanted | standing)


async def granting(
    store: BenefitsStore, program_id: str, member_ids: Iterable[str], *, since: datetime, until: datetime
) -> dict[str, list[Contract]]:
    """By member, the contracts that may grant or offer something at a time between these two."""
    wanted = {
        "member_id": {"$in": sorted(set(member_ids))},
        "program_id": program_id,
        "start_time": {"$lte": until},
        "$or": [
            {"until_time": None},
            {"until_time": {"$gt": since}},
            {"follow_up.until_time": {"$gt": since}},
        ],
    }
    found: dict[str, list[Contract]] = {}
    for each in await _found(store, wanted):
        found.setdefault(each.member_id, []).append(each)
    return found


async def of_member(store: BenefitsStore, program_id: str, member_id: str, limit: int) -> list[Contract]:
    """The contracts of a member, latest sale first."""
    return await _found(store, {"member_id": member_id, "program_id": program_id}, [("_id", -1)], limit)


async def of_program(
    store: BenefitsStore, program_id: str, plan: str, *, after: str | None, limit: int
) -> list[Contract]:
    """Contracts of a program behind a place, latest sale first."""
    wanted: Document = {"program_id": program_id}
    if after is not None:
        wanted["_id"] = {"$lt": after}
    if plan:
        wanted["plan"] = plan
    return await _found(store, wanted, [("_id", -1)], limit)


async def pool(
    store: BenefitsStore,
    program_id: str,
    satisfaction: str,
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Contract]:
    """The renewal pool behind a place (end, contract), the longest ago first."""
    wanted: Document = {"program_id": program_id, "pooled": True}
    if satisfaction:
        wanted["follow_up.satisfaction"] = satisfaction
    if after is not None:
        end_time, contract_id = after
        same = {"end_time": end_time, "_id": {"$gt": contract_id}}
        wanted["$or"] = [same, {"end_time": {"$gt": end_time}}]
    return await _found(store, wanted, [("end_time", 1), ("_id", 1)], limit)


async def due(
    store: BenefitsStore, program_id: str, field: str, until: datetime, limit: int
) -> list[Contract]:
    """Contracts that are due by `reminder_time` or `closing_time`, the soonest first."""
    wanted = {"program_id": program_id, field: {**_DATED, "$lte": until}}
    return await _found(store, wanted, [(field, 1), ("_id", 1)], limit)


async def _found(
    store: BenefitsStore,
    wanted: Document,
    order: Sequence[tuple[str, int]] = (("start_time", 1), ("_id", 1)),
    limit: int = 0,
) -> list[Contract]:
    found: Any = store.database.contracts.find(wanted, session=store.session)
    return [contract_from(each) async for each in found.sort(list(order)).limit(limit)]
