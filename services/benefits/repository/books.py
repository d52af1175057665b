"""The whole ledger, read for verification in the order in which its records belong together.

What has not the fields that it should have, or not their kinds, is passed over; who verifies hears its id.
"""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from libs.common.mongo import Document
from services.benefits.domain.ledger import Account, Entry, Transaction
from services.benefits.domain.verification import StoredEntry, StoredLot, StoredTransaction
from services.benefits.repository.documents import (
    account_from,
    entry_from,
    lot_from,
    stored_entry,
    transaction_from,
)
from services.benefits.repository.store import BenefitsStore

PROGRAMS_TOLD = 1_000
SUMMING_MS = 30_000

T = TypeVar("T")
# Hears the ids of records that cannot be read.
Unreadable = Callable[[str], None]


def every_account(store: BenefitsStore, program_id: str, unreadable: Unreadable) -> AsyncIterator[Account]:
    cursor = store.database.accounts.find(_by_account("_id", program_id), session=store.session)
    return read(cursor.sort("_id", 1), account_from, unreadable)


def every_entry_by_account(
    store: BenefitsStore, program_id: str, unreadable: Unreadable
) -> AsyncIterator[StoredEntry]:
    cursor = store.database.entries.find(_by_account("account_id", program_id), session=store.session)
    return read(cursor.sort([("account_id", 1), ("seq", 1)]), stored_entry, unreadable)


def every_lot(store: BenefitsStore, program_id: str, unreadable: Unreadable) -> AsyncIterator[StoredLot]:
    cursor = store.database.lots.find(_by_account("account_id", program_id), session=store.session)
    return read(
        cursor.sort("account_id", 1),
        lambda document: StoredLot(lot_from(document), document["digest"]),
        unreadable,
    )


def every_transaction(
    store: BenefitsStore, program_id: str, unreadable: Unreadable
) -> AsyncIterator[StoredTransaction]:
    cursor = store.database.transactions.find(_of_program(program_id), session=store.session)
    return read(
        cursor.sort("_id", 1),
        lambda document: StoredTransaction(transaction_from(document), document["digest"]),
        unreadable,
    )


# What was read before is read again, in another order; what cannot be read was told then.


def every_entry_by_transaction(store: BenefitsStore, program_id: str) -> AsyncIterator[Entry]:
    cursor = store.database.entries.find(_of_program(program_id), session=store.session)
    return read(cursor.sort("transaction_id", 1), entry_from)


def every_following(store: BenefitsStore, program_id: str) -> AsyncIterator[Transaction]:
    """The transactions that go back to an accrual, by accrual; the reversals of one in their order."""
    wanted = {**_of_program(program_id), "original_transaction_id": {"$exists": True}}
    cursor = store.database.transactions.find(wanted, session=store.session)
    order = [("original_transaction_id", 1), ("kind", 1), ("reversal.seq", 1)]
    return read(cursor.sort(order), transaction_from)


def every_transaction_by_hold(store: BenefitsStore, program_id: str) -> AsyncIterator[Transaction]:
    """The transactions of holds, by hold, in the order in which they were posted."""
    wanted = {**_of_program(program_id), "hold_id": {"$exists": True}}
    cursor = store.database.transactions.find(wanted, session=store.session)
    return read(cursor.sort([("hold_id", 1), ("_id", 1)]), transaction_from)


async def read(
    documents: AsyncIterable[Document],
    made_from: Callable[[Document], T],
    unreadable: Unreadable = lambda record_id: None,
) -> AsyncIterator[T]:
    """Records made from documents; passed over are those whose fields are missing or of another kind."""
    async for document in documents:
        try:
            record = made_from(document)
        except (AttributeError, KeyError, TypeError, ValueError):
            record = None
        if record is not None and _fits(record):
            yield record
        else:
            unreadable(str(document["_id"]))


def _fits(record: Any) -> bool:
    """Whether fields are of the kinds that the record declares, as a database holds them to none."""
    if isinstance(record, tuple):
        return all(map(_fits, record))
    if not is_dataclass(record) or isinstance(record, type):
        return True
    values = ((getattr(record, name), kinds) for name, kinds in _kinds(type(record)))
    return all(isinstance(value, kinds) and _fits(value) for value, kinds in values)


@cache
def _kinds(record: type) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """The classes that values of each field may be of."""
    return tuple((name, _classes(hint)) for name, hint in get_type_hints(record).items())


def _classes(hint: Any) -> tuple[type, ...]:
    origin = get_origin(hint)
    if origin is UnionType:
        return tuple(each for part in get_args(hint) for each in _classes(part))
    if origin is Literal:
        return tuple({type(each) for each in get_args(hint)})
    return (origin or hint,)


async def entry_count(store: BenefitsStore, program_id: str) -> int:
    wanted = _by_account("account_id", program_id)
    return await store.database.entries.count_documents(wanted, session=store.session)


async def balances(
    store: BenefitsStore, program_id: str = "", currency: str = ""
) -> dict[str, dict[str, int]]:
    """All balances by program and purpose; the most wrong programs first if there are too many to tell.

    The owner of an account says its purpose, as its id does; a member who
    spends from it stands alone.
    """
    parts = {"$split": ["$owner", ":"]}
    purpose = {"$cond": [{"$gt": [{"$size": parts}, 1]}, {"$first": parts}, ""]}
    summed: list[dict[str, Any]] = [
        {"$match": _by_account("_id", program_id) | _in(currency)},
        {
            "$group": {
                "_id": {"program": "$program_id", "purpose": purpose},
                "points": {"$sum": "$balance"},
            }
        },
        {
            "$group": {
                "_id": "$_id.program",
                "sum": {"$sum": "$points"},
                "purposes": {"$push": {"k": "$_id.purpose", "v": "$points"}},
            }
        },
        {"$set": {"wrong": {"$abs": "$sum"}}},
        {"$sort": {"wrong": -1, "_id": 1}},
        {"$limit": PROGRAMS_TOLD},
    ]
    found = store.database.accounts.aggregate(summed, session=store.session, maxTimeMS=SUMMING_MS)
    return {each["_id"]: {one["k"]: one["v"] for one in each["purposes"]} async for each in found}


async def arrears(store: BenefitsStore, program_id: str, currency: str) -> int:
    """What members of a program owe in all, of one currency."""
    summed: list[dict[str, Any]] = [
        {"$match": {**_by_account("_id", program_id), **_in(currency), "arrears": {"$gt": 0}}},
        {"$group": {"_id": None, "arrears": {"$sum": "$arrears"}}},
    ]
    found = store.database.accounts.aggregate(summed, session=store.session, maxTimeMS=SUMMING_MS)
    return sum([each["arrears"] async for each in found])


async def unplaced(store: BenefitsStore, program_id: str, limit: int) -> list[str]:
    """Entries that neither have a place in the chain nor wait for one, as nobody of ours has written them."""
    unplaced = {"unsequenced": {"$ne": True}, "position": {"$not": {"$type": ["int", "long"]}}}
    wanted = _by_account("account_id", program_id) | unplaced
    found = store.database.entries.find(wanted, {"_id": 1}, session=store.session).limit(limit)
    return [str(each["_id"]) async for each in found]


def _of_program(program_id: str) -> Document:
    return {"program_id": program_id} if program_id else {}


def _in(currency: str) -> Document:
    return {"currency": currency} if currency else {}


def _by_account(field: str, program_id: str) -> Document:
    """Account ids begin with their program."""
    return {field: {"$gte": f"{program_id}/", "$lt": f"{program_id}0"}} if program_id else {}
