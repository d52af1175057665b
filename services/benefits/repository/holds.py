"""Holds as Mongo documents; all in the transaction of the store."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from libs.common.mongo import Database, Document, ensure_collection
from services.benefits.domain.holds import Charge, Hold, HoldState
from services.benefits.domain.ledger import Allocation, EventKey, Transaction, held_account
from services.benefits.domain.redemption_limits import Redeemed
from services.benefits.repository import day_counts
from services.benefits.repository.books import Unreadable, read
from services.benefits.repository.day_counts import Day
from services.benefits.repository.documents import transaction_from
from services.benefits.repository.store import BenefitsStore

OPEN = {"state": HoldState.OPEN}
# What a day counts of a member: the money of what they redeem, and how often they do.
REDEEMED = "redeemed"

_WHOLE = {"bsonType": ["int", "long"]}
_COUNT = {**_WHOLE, "minimum": 0}
VALIDATORS: dict[str, Document] = {
    "holds": {
        "required": [
            "program_id",
            "member_id",
            "account_id",
            "source",
            "external_ref",
            "line",
            "points",
            "money_minor",
            "drawn",
            "state",
            "captured",
            "returned",
        ],
        "properties": {
            "points": {**_WHOLE, "minimum": 1},
            "money_minor": _COUNT,
            "captured": _COUNT,
            "returned": _COUNT,
            "state": {"enum": list(HoldState)},
            "expires_time": {"bsonType": ["date", "null"]},
        },
    },
}


async def ensure_hold_indexes(database: Database) -> None:
    """A business key is charged once for ever; open holds are found by their end and by their member."""
    for name, schema in VALIDATORS.items():
        await ensure_collection(database, name, schema)
    key = [("program_id", 1), ("source", 1), ("external_ref", 1), ("line", 1)]
    await database.holds.create_index(key, unique=True, name="business_key")
    await database.holds.create_index(
        [("expires_time", 1), ("_id", 1)], name="ending", partialFilterExpression=OPEN
    )
    await database.holds.create_index(
        [("account_id", 1), ("_id", 1)], name="open", partialFilterExpression=OPEN
    )
    await database.transactions.create_index(
        [("hold_id", 1), ("_id", 1)],
        name="of_hold",
        partialFilterExpression={"hold_id": {"$exists": True}},
    )


def hold_document(held: Hold) -> Document:
    """A hold, whole, with the account that holds its points."""
    fields = asdict(held)
    charge = fields.pop("charge")
    account = held_account(held.program_id, held.charge.member_id, held.currency)
    return {"_id": fields.pop("hold_id"), "account_id": account.account_id, **charge, **fields}


def hold_from(document: Document) -> Hold:
    """A hold as stored."""
    charge = {
        name: document[name]
        for name in ("member_id", "points", "money_minor", "source", "external_ref", "line")
    }
    point_type = document.get("point_type", "")  # holds of before are of redeemable points
    return Hold(
        hold_id=document["_id"],
        charge=Charge(**charge, point_type=point_type),
        drawn=tuple(Allocation(**each) for each in document["drawn"]),
        state=HoldState(document["state"]),
        **{
            name: document[name]
            for name in (
                "program_id",
                "currency",
                "day",
                "held_time",
                "expires_time",
                "captured",
                "returned",
            )
        },
    )


async def add(store: BenefitsStore, held: Hold) -> None:
    await store.database.holds.insert_one(hold_document(held), session=store.session)


async def replace(store: BenefitsStore, held: Hold) -> None:
    """Keep what became of a hold, which was read in the same transaction."""
    await store.database.holds.replace_one({"_id": held.hold_id}, hold_document(held), session=store.session)


async def one(store: BenefitsStore, program_id: str, hold_id: str) -> Hold | None:
    found = await store.database.holds.find_one(
        {"_id": hold_id, "program_id": program_id}, session=store.session
    )
    return None if found is None else hold_from(found)


async def of_keys(
    store: BenefitsStore, program_id: str, source: str, external_ref: str, lines: Sequence[int] = ()
) -> dict[int, Hold]:
    """What was charged for something, by line; all of it, or these lines."""
    wanted: Document = {"program_id": program_id, "source": source, "external_ref": external_ref}
    if lines:
        wanted["line"] = {"$in": sorted(set(lines))}
    found = store.database.holds.find(wanted, session=store.session)
    return {document["line"]: hold_from(document) async for document in found}


async def ended(store: BenefitsStore, now: datetime, limit: int, *, after: Hold | None) -> list[Hold]:
    """The open holds whose time is over by our clock, the longest over first, behind one of them."""
    wanted: Document = {**OPEN, "expires_time": {"$lte": now}}
    if after is not None:
        same, later = {"expires_time": after.expires_time}, {"expires_time": {"$gt": after.expires_time}}
        wanted["$or"] = [{**same, "_id": {"$gt": after.hold_id}}, later]
    found = store.database.holds.find(wanted, session=store.session)
    return [hold_from(each) async for each in found.sort([("expires_time", 1), ("_id", 1)]).limit(limit)]


async def open_of(store: BenefitsStore, account_ids: Sequence[str], limit: int) -> dict[str, list[Hold]]:
    """The open holds by the account that holds their points, latest first; so many of each."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"account_id": {"$in": sorted(set(account_ids))}, **OPEN}},
        {"$sort": {"_id": -1}},
        {"$group": {"_id": "$account_id", "held": {"$push": "$$ROOT"}}},
        {"$set": {"held": {"$slice": ["$held", limit]}}},
    ]
    found = store.database.holds.aggregate(pipeline, session=store.session)
    return {each["_id"]: [hold_from(one) for one in each["held"]] async for each in found}


def every_open(store: BenefitsStore, program_id: str) -> AsyncIterator[tuple[str, int]]:
    """Account and points of every open hold, by account."""
    cursor = store.database.holds.find({**OPEN, **_of_program(program_id)}, session=store.session)
    found = read(
        cursor.sort([("account_id", 1), ("_id", 1)]), lambda each: (hold_from(each), str(each["account_id"]))
    )
    return ((account_id, held.points) async for held, account_id in found)


def every(store: BenefitsStore, program_id: str, unreadable: Unreadable) -> AsyncIterator[Hold]:
    found = store.database.holds.find(_of_program(program_id), session=store.session)
    return read(found.sort("_id", 1), hold_from, unreadable)


def _of_program(program_id: str) -> Document:
    return {"program_id": program_id} if program_id else {}


async def uncount(store: BenefitsStore, before: Hold, after: Hold) -> None:
    """Take off the day what counts no more: the money of what comes back, and what was never captured."""
    money_minor = before.kept_minor - after.kept_minor
    times = int(before.open and not after.captured)
    if money_minor or times:
        day = redeemed_day(before.program_id, before.charge.member_id, before.day)
        await day_counts.uncount(store, day, amount=money_minor, times=times)


def redeemed_day(program_id: str, member_id: str, day: str) -> Day:
    """Where it is counted what a member redeems on a business day."""
    return Day(program_id, REDEEMED, member_id, day)


async def redeemed_on(
    store: BenefitsStore, program_id: str, member_ids: Iterable[str], day: str
) -> dict[str, Redeemed]:
    """What those members redeemed on a day who redeemed anything."""
    found = await day_counts.counted(store, (redeemed_day(program_id, each, day) for each in member_ids))
    return {member_id: Redeemed(each.amount, each.times) for member_id, each in found.items()}


KEY_FIELDS = ("source", "external_ref", "line")


async def return_of(store: BenefitsStore, program_id: str, key: EventKey) -> Transaction | None:
    """The transaction that gave back under a business key, if there is one."""
    wanted = {"program_id": program_id, **dict(zip(KEY_FIELDS, key, strict=True)), "kind": "return"}
    found = await store.database.transactions.find_one(wanted, session=store.session)
    return None if found is None else transaction_from(found)
