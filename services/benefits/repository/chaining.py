"""The entries of the ledger as the sequencer sees them: each waits for its place in the chain."""

from collections.abc import Sequence

from prometheus_client import Gauge
from pymongo import UpdateOne

from libs.common.chains.documents import NO_TIME
from libs.common.chains.sequencer import Chained
from libs.common.mongo import Database, Document, ensure_chain
from services.benefits.domain.leaves import LEDGER, leaf

CHAINED = Chained(
    chain=LEDGER,
    records="entries",
    heads="ledger_heads",
    digest="leaf",
    waiting_count=Gauge(
        "laurel_ledger_unsequenced", "Entries that wait for their place in the chain.", ["service"]
    ),
    waiting_seconds=Gauge(
        "laurel_ledger_unsequenced_age_seconds",
        "Age of the oldest entry that waits for its place in the chain.",
        ["service"],
    ),
    sweep_seconds=3.0,
    roots="ledger_roots",
)
PLACE = ("leaf", "recorded_time", "unsequenced", "position", "chain_hash")
"""What an entry's document has for the chain, beside the entry itself."""

ADOPTED_AT_ONCE = 500
_ADOPTED = "entries_adopted"


def waiting(entry: Document, transaction: Document | None, lot: Document | None) -> Document:
    """An entry's document with what the chain covers of it, which waits for its place."""
    covered = leaf(entry=entry["digest"], transaction=_digest(transaction), lot=_digest(lot))
    recorded_time = NO_TIME if transaction is None else transaction["recorded_time"]
    return {**entry, "leaf": covered, "recorded_time": recorded_time, "unsequenced": True}


def _digest(document: Document | None) -> str:
    return "" if document is None else str(document["digest"])


async def ensure_chaining(database: Database) -> None:
    """Indexes, and entries of before there was a chain, which wait for their places from now on."""
    await ensure_rooted_chain(database, CHAINED)
    if await database.migrations.find_one({"_id": _ADOPTED}) is None:
        await _adopt_all(database)
        await database.migrations.update_one({"_id": _ADOPTED}, {"$set": {"done": True}}, upsert=True)


async def ensure_rooted_chain(database: Database, chain: Chained) -> None:
    """The indexes of what is chained, and of the roots of its days."""
    await ensure_chain(database, chain.records, chain.heads)
    roots = database[chain.roots]
    await roots.create_index([("program_id", 1), ("last_position", 1)], unique=True)
    await roots.create_index(
        [("unanchored", 1), ("_id", 1)], partialFilterExpression={"unanchored": {"$exists": True}}
    )


async def _adopt_all(database: Database) -> None:
    """Let entries wait that have nothing for the chain, as they were posted: in the order of their ids."""
    after = ""
    while True:
        behind = {"_id": {"$gt": after}, "leaf": {"$exists": False}}
        found = await database.entries.find(behind).sort("_id", 1).to_list(ADOPTED_AT_ONCE)
        if not found:
            return
        transactions = await _by_id(database, "transactions", [each["transaction_id"] for each in found])
        lots = await _by_id(database, "lots", [each["lot_id"] for each in found])
        adopted = []
        for each in found:
            fields = waiting(each, transactions.get(each["transaction_id"]), lots.get(each["lot_id"]))
            marks = {name: fields[name] for name in ("leaf", "recorded_time", "unsequenced")}
            adopted.append(UpdateOne({"_id": each["_id"]}, {"$set": marks}))
        await database.entries.bulk_write(adopted, ordered=False)
        after = found[-1]["_id"]


async def _by_id(database: Database, name: str, ids: Sequence[str]) -> dict[str, Document]:
    found = database[name].find({"_id": {"$in": sorted({*ids} - {""})}})
    return {each["_id"]: each async for each in found}
