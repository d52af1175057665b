"""How the ledger is kept and read; each function works in the transaction of its store."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, ReturnDocument, UpdateOne

from libs.common.mongo import Document
from services.benefits.domain.ledger import Account, Entry, EventKey, Lot, Transaction
from services.benefits.domain.posting import Posting
from services.benefits.domain.reversals import UNREFUNDED, Purchase
from services.benefits.domain.verification import StoredEntry
from services.benefits.repository.chaining import waiting
from services.benefits.repository.documents import (
    account_document,
    account_from,
    entry_document,
    entry_from,
    lot_document,
    lot_from,
    stored_entry,
    transaction_document,
    transaction_from,
)
from services.benefits.repository.store import BenefitsStore

EXPIRING_TOLD = 10
# What the partial indexes of lots hold: those that something may still happen to.
LEFT = {"remaining": {"$gt": 0}}
PENDING = {"pending": True, **LEFT}
EXPIRING = {"pending": False, **LEFT, "expire_time": {"$type": "date"}}
DRAWN = "drawn"


async def take(store: BenefitsStore, account: Account, *, points: int, entries: int) -> Account:
    """Move a stripe of the program's by all that a transaction will post to it; gives it as it was before.

    First in the transaction, and one update per transaction, so that two
    of them meet here and nowhere later.
    """
    before = await store.database.accounts.find_one_and_update(
        {"_id": account.account_id},
        {
            "$inc": {"balance": points, "seq": entries},
            "$setOnInsert": {
                name: value
                for name, value in account_document(account).items()
                if name not in {"_id", "balance", "seq"}
            },
        },
        upsert=True,
        return_document=ReturnDocument.BEFORE,
        session=store.session,
    )
    return account if before is None else account_from(before)


async def keep(store: BenefitsStore, *postings: Posting, but: Collection[str] = ()) -> None:
    """Store postings, which share no account; the accounts `but` were moved already.

    The accounts come first, so that two transactions meet before much is written.
    """
    accounts = [account for posting in postings for account in posting.moved_accounts()]
    moved = [account for account in accounts if account.account_id not in but]
    await _write(
        store,
        "accounts",
        [ReplaceOne({"_id": each.account_id}, account_document(each), upsert=True) for each in moved],
    )
    await _write(
        store,
        "lots",
        [
            UpdateOne({"_id": lot.lot_id}, {"$set": {"remaining": lot.remaining}})
            for posting in postings
            for lot in posting.drawn_lots()
        ],
    )
    transactions = {
        each.transaction_id: transaction_document(each)
        for posting in postings
        for each in posting.transactions
    }
    lots = {each.lot_id: lot_document(each) for posting in postings for each in posting.new_lots()}
    entries = [
        waiting(entry_document(each), transactions[each.transaction_id], lots.get(each.lot_id))
        for posting in postings
        for each in posting.entries
    ]
    await _insert(store, "transactions", list(transactions.values()))
    await _insert(store, "entries", entries)
    await _insert(store, "lots", list(lots.values()))


async def _write(
    store: BenefitsStore, collection: str, writes: Sequence[ReplaceOne[Document] | UpdateOne]
) -> None:
    if writes:
        await store.database[collection].bulk_write(list(writes), ordered=False, session=store.session)


async def _insert(store: BenefitsStore, collection: str, documents: list[Document]) -> None:
    if documents:
        await store.database[collection].insert_many(documents, session=store.session)


async def accounts(store: BenefitsStore, account_ids: Iterable[str]) -> dict[str, Account]:
    found = store.database.accounts.find({"_id": {"$in": sorted(set(account_ids))}}, session=store.session)
    return {document["_id"]: account_from(document) async for document in found}


async def latest_entries(store: BenefitsStore, account_id: str, limit: int) -> list[StoredEntry]:
    """The entries of an account, latest first."""
    found = store.database.entries.find({"account_id": account_id}, session=store.session)
    return [stored_entry(document) async for document in found.sort("seq", -1).limit(limit)]


async def transactions(store: BenefitsStore, transaction_ids: Iterable[str]) -> dict[str, Transaction]:
    wanted = {"_id": {"$in": sorted(set(transaction_ids))}}
    found = store.database.transactions.find(wanted, session=store.session)
    return {document["_id"]: transaction_from(document) async for document in found}


async def entries_of(store: BenefitsStore, transaction_ids: Iterable[str]) -> dict[str, list[Entry]]:
    """The entries of transactions, by transaction."""
    wanted = {"transaction_id": {"$in": sorted(set(transaction_ids))}}
    found: dict[str, list[Entry]] = defaultdict(list)
    async for document in store.database.entries.find(wanted, session=store.session).sort("_id", 1):
        found[document["transaction_id"]].append(entry_from(document))
    return found


async def purchases(
    store: BenefitsStore, program_id: str, currency: str, keys: Collection[EventKey]
) -> dict[EventKey, Purchase]:
    """What refunds read of purchases that points of a currency were counted for."""
    if not keys:
        return {}
    accrual = {"program_id": program_id, "kind": "accrual", "event_kind": None, "currency": currency}
    wanted = [
        {**accrual, "source": source, "external_ref": ref, "line": line} for source, ref, line in sorted(keys)
    ]
    found = store.database.transactions.find({"$or": wanted}, session=store.session)
    accruals = [transaction_from(document) async for document in found]
    accrual_ids = [each.transaction_id for each in accruals]
    reversals = await _latest(store, "reversal", accrual_ids)
    expirations = await _latest(store, "expiration", accrual_ids)
    return {
        each.key: _purchase(each, reversals.get(each.transaction_id), expirations.get(each.transaction_id))
        for each in accruals
    }


async def _latest(store: BenefitsStore, kind: str, accrual_ids: Sequence[str]) -> dict[str, Transaction]:
    found = store.database.transactions.aggregate(latest(kind, accrual_ids), session=store.session)
    return {each["_id"]: transaction_from(each["found"]) async for each in found}


def latest(kind: str, accrual_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The latest transaction of a kind that goes back to each accrual, however many there are before it."""
    return [
        {"$match": {"original_transaction_id": {"$in": list(accrual_ids)}, "kind": kind}},
        {"$sort": {"original_transaction_id": -1, "reversal.seq": -1}},
        {"$group": {"_id": "$original_transaction_id", "found": {"$first": "$$ROOT"}}},
    ]


def _purchase(accrual: Transaction, reversal: Transaction | None, expiration: Transaction | None) -> Purchase:
    return Purchase(
        accrual,
        latest=(reversal and reversal.reversal) or UNREFUNDED,
        expired_points=expiration.points if expiration else 0,
    )


async def lots(store: BenefitsStore, lot_ids: Iterable[str]) -> dict[str, Lot]:
    found = store.database.lots.find({"_id": {"$in": sorted(set(lot_ids))}}, session=store.session)
    return {document["_id"]: lot_from(document) async for document in found}


async def expired_origins(store: BenefitsStore, origin_ids: Iterable[str]) -> set[str]:
    """Those transactions whose points have expired, as far as anything was left of them."""
    wanted = {"original_transaction_id": {"$in": sorted(set(origin_ids))}, "kind": "expiration"}
    found = store.database.transactions.find(wanted, {"original_transaction_id": 1}, session=store.session)
    return {document["original_transaction_id"] async for document in found}


async def lots_from(store: BenefitsStore, accrual_ids: Sequence[str]) -> list[Lot]:
    """What is left of the lots that come from accruals."""
    if not accrual_ids:
        return []
    wanted = {"origin_transaction_id": {"$in": list(accrual_ids)}, **LEFT}
    return [lot_from(each) async for each in store.database.lots.find(wanted, session=store.session)]


async def drawable(
    store: BenefitsStore,
    account_id: str,
    points: int,
    *,
    since: datetime,
    until: datetime,
    but: Collection[str],
) -> list[Lot]:
    """The lots of an account, `but` these, from which so many points are drawn at times from one to another.

    In the order in which they are drawn on, as far as is needed of them.
    """
    account = {"account_id": account_id}
    dated = {**account, **EXPIRING, "expire_time": {"$type": "date", "$gt": since}}
    lasting = {**account, "pending": False, **LEFT, "expire_time": None}
    found: list[Lot] = []
    for wanted, order in ((dated, [("expire_time", 1), ("_id", 1)]), (lasting, [("_id", 1)])):
        cursor = store.database.lots.find(wanted, session=store.session).sort(order)
        try:
            async for document in cursor:
                if points <= 0:
                    return found
                if document["_id"] not in but:
                    found.append(lot_from(document))
                    points -= found[-1].remaining if found[-1].usable(until) else 0
        finally:
            await cursor.close()
    return found


async def due_lots(
    store: BenefitsStore, program_id: str, *, pending: bool, until: datetime, limit: int
) -> list[Lot]:
    """The lots that are to be active, or to expire, until a time and that time included; soonest first."""
    due_time = "active_time" if pending else "expire_time"
    left = PENDING if pending else EXPIRING
    wanted = {"program_id": program_id, **left, due_time: {"$type": "date", "$lte": until}}
    found = store.database.lots.find(wanted, session=store.session)
    return [lot_from(document) async for document in found.sort([(due_time, 1), ("_id", 1)]).limit(limit)]


async def expiring(store: BenefitsStore, account_ids: Iterable[str]) -> dict[str, list[tuple[datetime, int]]]:
    """What expires next of each account, and how much, soonest first; the first ten times."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"account_id": {"$in": sorted(set(account_ids))}, **EXPIRING}},
        {
            "$group": {
                "_id": {"account": "$account_id", "time": "$expire_time"},
                "points": {"$sum": "$remaining"},
            }
        },
        {"$sort": {"_id.time": 1}},
        {"$group": {"_id": "$_id.account", "told": {"$push": {"time": "$_id.time", "points": "$points"}}}},
        {"$set": {"told": {"$slice": ["$told", EXPIRING_TOLD]}}},
    ]
    # By the index of those that expire: by accounts alone, all that was ever earned would be read.
    found = store.database.lots.aggregate(pipeline, session=store.session, hint=DRAWN)
    return {each["_id"]: [(told["time"], told["points"]) for told in each["told"]] async for each in found}
