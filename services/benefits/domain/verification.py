"""Verification: whether the ledger is what its entries say, by account and by transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.benefits.domain.ledger import ISSUER, Account, Entry, Lot, Transaction


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is broken."""

    code: str
    object_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with the digest that was stored with it."""

    entry: Entry
    digest: str


@dataclass(frozen=True, slots=True)
class StoredLot:
    """A lot with the digest that was stored with it."""

    lot: Lot
    digest: str


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction with the digest that was stored with it."""

    transaction: Transaction
    digest: str


@dataclass(slots=True)
class AccountCheck:
    """Follows the entries of one account in sequence, however many there are."""

    account: Account
    count: int = 0
    summed: int = 0
    seq: int = 0
    balance: int = 0
    accrued: dict[str, int] = field(default_factory=dict)

    def entry_faults(self, stored: StoredEntry) -> Iterator[Fault]:
        """What is broken about the next entry."""
        entry = stored.entry
        self.count, self.summed = self.count + 1, self.summed + entry.points
        self.seq, self.balance = self.seq + 1, self.balance + entry.points
        if entry.points > 0 and entry.lot_id:
            self.accrued[entry.lot_id] = self.accrued.get(entry.lot_id, 0) + entry.points
        if entry.digest() != stored.digest:
            yield Fault("ENTRY_DIGEST", entry.entry_id, "the entry is not what was signed")
        if entry.seq != self.seq:
            yield Fault("SEQUENCE", entry.entry_id, f"sequence {entry.seq} where {self.seq} was expected")
            self.seq = entry.seq
        if entry.balance_after != self.balance:
            yield Fault(
                "BALANCE_AFTER",
                entry.entry_id,
                f"{entry.balance_after} where the entries sum to {self.balance}",
            )
            self.balance = entry.balance_after

    def faults(self, lots: Sequence[StoredLot]) -> Iterator[Fault]:
        """What is broken about the account, after all its entries and with all its lots."""
        account = self.account
        if account.balance != self.summed:
            yield Fault(
                "BALANCE", account.account_id, f"{account.balance} where the entries sum to {self.summed}"
            )
        if account.seq != self.count:
            yield Fault("SEQUENCE", account.account_id, f"{account.seq} where there are {self.count} entries")
        yield from _holding_faults(account, [stored.lot for stored in lots])
        for stored in lots:
            yield from _lot_faults(stored, self.accrued.pop(stored.lot.lot_id, 0))
        for lot_id, points in self.accrued.items():
            yield Fault("LOT", lot_id, f"{points} points were earned in a lot that does not exist")


def _holding_faults(account: Account, lots: Sequence[Lot]) -> Iterator[Fault]:
    if account.owner.startswith(f"{ISSUER}:"):
        if account.balance > 0:
            yield Fault("ISSUER", account.account_id, f"the issuer holds {account.balance} points of its own")
        return
    if not 0 <= account.held <= account.balance:
        yield Fault("OVERDRAFT", account.account_id, f"{account.held} held of {account.balance}")
    remaining = sum(lot.remaining for lot in lots)
    if remaining != account.balance:
        yield Fault("LOT", account.account_id, f"lots hold {remaining}, the balance is {account.balance}")


def _lot_faults(stored: StoredLot, accrued: int) -> Iterator[Fault]:
    lot = stored.lot
    if lot.digest() != stored.digest:
        yield Fault("LOT_DIGEST", lot.lot_id, "the lot is not what was signed")
    if lot.earned != accrued:
        yield Fault("LOT", lot.lot_id, f"says {lot.earned} earned, the entries say {accrued}")
    if not 0 <= lot.remaining <= lot.earned:
        yield Fault("LOT", lot.lot_id, f"{lot.remaining} left of {lot.earned}")


def transaction_faults(stored: StoredTransaction, entries: Sequence[Entry]) -> Iterator[Fault]:
    """What is broken about a transaction, given all its entries."""
    transaction = stored.transaction
    if transaction.digest() != stored.digest:
        yield Fault(
            "TRANSACTION_DIGEST", transaction.transaction_id, "the transaction is not what was signed"
        )
    summed = sum(entry.points for entry in entries)
    if summed:
        yield Fault("TRANSACTION_SUM", transaction.transaction_id, f"the entries sum to {summed}")
    gained = sum(entry.points for entry in entries if entry.points > 0)
    if gained != transaction.points or (transaction.points and len(entries) < 2):  # noqa: PLR2004 - a double entry
        yield Fault(
            "TRANSACTION_ENTRIES",
            transaction.transaction_id,
            f"{len(entries)} entries move {gained} of {transaction.points} points",
        )
    counted = sum(earning.points for earning in transaction.earnings)
    if counted != transaction.points:
        yield Fault(
            "EARNINGS", transaction.transaction_id, f"the rules gave {counted} of {transaction.points}"
        )
