"""How far the verification has come that follows the chain, and what it reads."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from services.benefits.domain.following import AccountSeq, Followed, Neighbours, wanted_before
from services.benefits.domain.ledger import Entry
from services.benefits.domain.roots import Chained, Place
from services.benefits.domain.verification import StoredTransaction
from services.benefits.repository import ledger
from services.benefits.repository.documents import entry_from, stored_entry, transaction_from
from services.benefits.repository.store import BenefitsStore

ACCOUNTS_AT_ONCE = 100


async def place(store: BenefitsStore, program_id: str) -> Place | None:
    """Up to where a program's chain was followed; None before the first time."""
    found = await store.database.ledger_checks.find_one({"_id": program_id})
    return None if found is None else Place(found["position"], found["chain_hash"])


async def keep_place(store: BenefitsStore, program_id: str, before: Place, reached: Place) -> bool:
    """Keep up to where it was followed; not where somebody else has followed it meanwhile."""
    unmoved = {"_id": program_id, "position": before.position}
    fields = {"position": reached.position, "chain_hash": reached.chain_hash}
    found = await store.database.ledger_checks.update_one(unmoved, {"$set": fields}, session=store.session)
    return found.matched_count == 1


async def begin(store: BenefitsStore, program_id: str, origin: Place) -> None:
    """Keep that a program's chain is followed from its beginning on."""
    fields = {"position": origin.position, "chain_hash": origin.chain_hash}
    await store.database.ledger_checks.update_one({"_id": program_id}, {"$setOnInsert": fields}, upsert=True)


async def stretch(store: BenefitsStore, program_id: str, after: int, limit: int) -> list[Followed]:
    """The entries behind a position of the chain."""
    wanted = {"program_id": program_id, "position": {"$gt": after}}
    found = store.database.entries.find(wanted, session=store.session).sort("position", 1).limit(limit)
    return [
        Followed(stored_entry(each), Chained(each["position"], str(each["leaf"]), str(each["chain_hash"])))
        async for each in found
    ]


async def neighbours(store: BenefitsStore, found: Sequence[Followed]) -> Neighbours:
    """What a stretch is checked against."""
    entries = [each.stored.entry for each in found]
    transaction_ids = {each.transaction_id for each in entries}
    accounts = await ledger.accounts(store, (each.account_id for each in entries))
    last = {(each.account_id, each.seq) for each in accounts.values()}
    by_seq = await _entries_at(store, wanted_before(found) | last)
    return Neighbours(
        transactions=await _transactions(store, transaction_ids),
        entries=await ledger.entries_of(store, transaction_ids),
        lots=await ledger.lots(store, {each.lot_id for each in entries} - {""}),
        accounts=accounts,
        before=by_seq,
        latest={each: by_seq[each, one.seq] for each, one in accounts.items() if (each, one.seq) in by_seq},
    )


async def _transactions(store: BenefitsStore, ids: Iterable[str]) -> dict[str, StoredTransaction]:
    found = store.database.transactions.find({"_id": {"$in": sorted(ids)}}, session=store.session)
    return {
        each["_id"]: StoredTransaction(transaction_from(each), str(each["digest"])) async for each in found
    }


async def _entries_at(store: BenefitsStore, places: Iterable[AccountSeq]) -> dict[AccountSeq, Entry]:
    """The entries at places of accounts, some accounts at a time: each is a clause of the query."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for account_id, seq in places:
        seqs[account_id].append(seq)
    clauses = [{"account_id": each, "seq": {"$in": sorted(wanted)}} for each, wanted in sorted(seqs.items())]
    entries: dict[AccountSeq, Entry] = {}
    for start in range(0, len(clauses), ACCOUNTS_AT_ONCE):
        wanted = {"$or": clauses[start : start + ACCOUNTS_AT_ONCE]}
        async for document in store.database.entries.find(wanted, session=store.session):
            entries[document["account_id"], document["seq"]] = entry_from(document)
    return entries
