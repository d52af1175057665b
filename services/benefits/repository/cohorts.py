"""How the cohorts of points are kept, a small document for each month, and what they follow from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from pymongo import UpdateOne

from libs.common.mongo import Database
from services.benefits.domain.cohorts import COLUMNS, Cell, Posted, named
from services.benefits.domain.following import Followed, Neighbours
from services.benefits.domain.ledger import Lot, Transaction
from services.benefits.domain.points_report import Cohort
from services.benefits.repository import ledger
from services.benefits.repository.documents import transaction_from
from services.benefits.repository.store import BenefitsStore

# Of a hold's transactions, those that draw on lots, and those whose lots are known by what was drawn.
DRAW, RESOLVE = {"hold", "redemption"}, {"capture", "release", "return"}


async def posted(
    store: BenefitsStore, found: Sequence[Followed], neighbours: Neighbours, currency: str
) -> list[Posted]:
    """What begins in a stretch of the chain in a currency, each once however its entries are chained."""
    here = {each.stored.entry.entry_id for each in found}
    whole = {
        transaction_id: entries
        for transaction_id, entries in neighbours.entries.items()
        if min(each.entry_id for each in entries) in here and transaction_id in neighbours.transactions
    }
    begun = [neighbours.transactions[each].transaction for each in whole]
    transactions = [each for each in begun if each.currency == currency]
    of_holds = await _of_holds(store, [each.hold_id for each in transactions if each.kind in RESOLVE])
    first = [each.transaction_id for held in of_holds.values() for each in held if each.kind in DRAW]
    drawing = await ledger.entries_of(store, first)
    return [
        Posted(
            each,
            whole[each.transaction_id],
            of_holds.get(each.hold_id, ()),
            next(
                (
                    entry.allocations
                    for begun in of_holds.get(each.hold_id, ())
                    for entry in drawing.get(begun.transaction_id, ())
                    if entry.allocations
                ),
                (),
            ),
        )
        for each in transactions
    ]


async def lots_with_origins(
    store: BenefitsStore, found: Sequence[Posted]
) -> tuple[Mapping[str, Lot], Mapping[str, datetime]]:
    """The lots whose points transactions move, and when what these come from happened."""
    lots = await ledger.lots(store, set[str]().union(*map(named, found)))
    origins = await ledger.transactions(store, {each.origin_transaction_id for each in lots.values()})
    return lots, {transaction_id: each.occurred_time for transaction_id, each in origins.items()}


async def add(store: BenefitsStore, program_id: str, changes: Mapping[Cell, int]) -> None:
    """Add to cohorts."""
    by_month: dict[str, dict[str, int]] = defaultdict(dict)
    for (month, column), points in changes.items():
        by_month[month][column] = points
    writes = [
        UpdateOne(
            {"_id": f"{program_id}@{month}"},
            {"$inc": columns, "$setOnInsert": {"program_id": program_id, "month": month}},
            upsert=True,
        )
        for month, columns in sorted(by_month.items())
    ]
    if writes:
        await store.database.points_cohorts.bulk_write(writes, ordered=False, session=store.session)


async def every(store: BenefitsStore, program_id: str) -> list[Cohort]:
    """The cohorts of a program, the oldest first; twelve for each year."""
    found = store.database.points_cohorts.find({"program_id": program_id}, session=store.session)
    return [
        Cohort(each["month"], {column: each[column] for column in COLUMNS if column in each})
        async for each in found.sort("month", 1)
    ]


async def ensure_cohort_indexes(database: Database) -> None:
    """Cohorts are listed in the order of their months."""
    await database.points_cohorts.create_index([("program_id", 1), ("month", 1)], unique=True)


async def _of_holds(store: BenefitsStore, hold_ids: Sequence[str]) -> dict[str, list[Transaction]]:
    found: dict[str, list[Transaction]] = defaultdict(list)
    if hold_ids:
        wanted = {"hold_id": {"$in": sorted(set(hold_ids))}}
        async for document in store.database.transactions.find(wanted, session=store.session):
            found[document["hold_id"]].append(transaction_from(document))
    return found
