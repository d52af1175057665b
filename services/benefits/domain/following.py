"""Verification that follows the chain: of what was chained last, whether it is what it was and adds up.

It reads no more than the neighbours of what it checks, so it can go on all
day; `verification` and `causes` look at whole accounts and at what goes back to
what.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.chains.chain import link
from services.benefits.domain.causes import transaction_faults
from services.benefits.domain.leaves import leaf
from services.benefits.domain.ledger import Account, Entry, Lot
from services.benefits.domain.roots import Chained, Place
from services.benefits.domain.verification import Fault, StoredEntry, StoredTransaction

# An account and a place in it.
AccountSeq = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Followed:
    """An entry with its place in the chain."""

    stored: StoredEntry
    chained: Chained


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the entries of one stretch of the chain are checked against, all of one moment.

    `entries` holds all entries of their transactions; `before` and `latest`
    are entries of their accounts: right before them, and the last.
    """

    transactions: Mapping[str, StoredTransaction] = field(default_factory=dict)
    entries: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    lots: Mapping[str, Lot] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    before: Mapping[AccountSeq, Entry] = field(default_factory=dict)
    latest: Mapping[str, Entry] = field(default_factory=dict)


def stretch_faults(start: Place, found: Sequence[Followed], neighbours: Neighbours) -> Iterator[Fault]:
    """What is broken about a stretch of the chain."""
    place = start
    for each in found:
        yield from _place_faults(place, each, neighbours)
        place = Place(each.chained.position, each.chained.chain_hash)
        yield from _seq_faults(each.stored.entry, neighbours)
    for transaction_id, stored in neighbours.transactions.items():
        yield from transaction_faults(stored, neighbours.entries.get(transaction_id, ()))
    for account_id, account in neighbours.accounts.items():
        yield from _account_faults(account, neighbours.latest.get(account_id))


def wanted_before(found: Sequence[Followed]) -> set[AccountSeq]:
    """The places of accounts right before the entries of a stretch."""
    return {(each.stored.entry.account_id, each.stored.entry.seq - 1) for each in found}


def _place_faults(before: Place, found: Followed, neighbours: Neighbours) -> Iterator[Fault]:
    entry, chained = found.stored.entry, found.chained
    if entry.digest() != found.stored.digest:
        yield Fault("ENTRY_DIGEST", entry.entry_id, "the entry is not what was signed")
    transaction = neighbours.transactions.get(entry.transaction_id)
    if transaction is None:
        yield Fault("TRANSACTION_MISSING", entry.entry_id, "the entry's transaction does not exist")
    lot = neighbours.lots.get(entry.lot_id)
    covered = leaf(
        entry=entry.digest(),
        transaction="" if transaction is None else transaction.transaction.digest(),
        lot="" if lot is None else lot.digest(),
    )
    if covered != chained.leaf:
        detail = "the entry, its transaction or its lot is not what was chained"
        yield Fault("DIGEST_WRONG", entry.entry_id, detail)
    following = link(before.chain_hash, position=before.position + 1, record_digest=chained.leaf)
    if (chained.position, chained.chain_hash) != (before.position + 1, following):
        detail = f"position {chained.position} does not follow from {before.position}"
        yield Fault("CHAIN_BROKEN", entry.entry_id, detail)


def _seq_faults(entry: Entry, neighbours: Neighbours) -> Iterator[Fault]:
    """Whether an entry follows the one before it in its account."""
    if entry.account_id not in neighbours.accounts:
        yield Fault("ACCOUNT_MISSING", entry.entry_id, "the entry's account does not exist")
    before = neighbours.before.get((entry.account_id, entry.seq - 1))
    if before is None and entry.seq > 1:
        yield Fault("SEQUENCE", entry.entry_id, f"there is no entry {entry.seq - 1} in its account")
        return
    balance = entry.points + (0 if before is None else before.balance_after)
    if entry.balance_after != balance:
        detail = f"{entry.balance_after} where the entries sum to {balance}"
        yield Fault("BALANCE_AFTER", entry.entry_id, detail)


def _account_faults(account: Account, latest: Entry | None) -> Iterator[Fault]:
    """Whether an account has the balance of its last entry."""
    said = (0, 0) if latest is None else (latest.seq, latest.balance_after)
    if (account.seq, account.balance) != said:
        detail = f"{account.balance} at {account.seq}, where the last entry says {said[1]} at {said[0]}"
        yield Fault("BALANCE", account.account_id, detail)
