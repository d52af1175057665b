"""Verification of accounts: whether balances and lots are what the entries say."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.benefits.domain.ledger import (
    HELD,
    ISSUER,
    PENDING,
    WITHOUT_LOTS,
    Account,
    Entry,
    Lot,
    Transaction,
    purpose_of,
)


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
    """Follows the entries of one account in sequence, however many there are.

    `held` is the sum of the open holds whose points it has.
    """

    account: Account
    held: int = 0
    count: int = 0
    summed: int = 0
    seq: int = 0
    balance: int = 0
    arrears: int = 0
    accrued: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)

    def entry_faults(self, stored: StoredEntry) -> Iterator[Fault]:
        """What is broken about the next entry."""
        entry = stored.entry
        self.count, self.summed = self.count + 1, self.summed + entry.points
        self.seq, self.balance = self.seq + 1, self.balance + entry.points
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
        yield from self._lots_moved(entry)

    def _lots_moved(self, entry: Entry) -> Iterator[Fault]:
        """Follow what came into lots, what was drawn on them, and what is in arrears."""
        drawn = sum(each.points for each in entry.allocations)
        for each in entry.allocations:
            self.drawn[each.lot_id] += each.points
        if purpose_of(self.account.account_id) in WITHOUT_LOTS:
            if entry.lot_id or entry.allocations:
                yield Fault("LOT", entry.entry_id, "an account of the program, or of holds, has no lots")
        elif entry.points > 0 and not entry.lot_id:
            yield from self._given_back(entry, -drawn)
        elif entry.points > 0:
            self.accrued[entry.lot_id] += entry.points
            paid = min(self.arrears, entry.points)
            if drawn != paid or {each.lot_id for each in entry.allocations} - {entry.lot_id}:
                yield Fault("ARREARS", entry.entry_id, f"pays {drawn} where {paid} were to be paid first")
            self.arrears -= paid
        elif not 0 <= drawn <= -entry.points or any(each.points <= 0 for each in entry.allocations):
            yield Fault("LOT", entry.entry_id, f"draws {drawn} for {-entry.points} points")
        else:
            self.arrears += -entry.points - drawn

    def _given_back(self, entry: Entry, given: int) -> Iterator[Fault]:
        """Follow what goes back to lots, behind what is paid of arrears."""
        paid = min(self.arrears, entry.points)
        if given != entry.points - paid or any(each.points >= 0 for each in entry.allocations):
            detail = f"gives {given} back of {entry.points} points, where {paid} were to be paid first"
            yield Fault("LOT", entry.entry_id, detail)
        self.arrears -= paid

    def faults(self, lots: Sequence[StoredLot]) -> Iterator[Fault]:
        """What is broken about the account, after all its entries and with all its lots."""
        account = self.account
        if account.balance != self.summed:
            yield Fault(
                "BALANCE", account.account_id, f"{account.balance} where the entries sum to {self.summed}"
            )
        if account.seq != self.count:
            yield Fault("SEQUENCE", account.account_id, f"{account.seq} where there are {self.count} entries")
        if account.arrears != self.arrears:
            yield Fault(
                "ARREARS", account.account_id, f"{account.arrears} where the entries say {self.arrears}"
            )
        yield from _holding_faults(account, [stored.lot for stored in lots], self.held)
        for stored in lots:
            yield from self._lot_faults(stored)
        for lot_id in self.accrued.keys() | self.drawn.keys():
            yield Fault("LOT", lot_id, f"entries of {account.account_id} name a lot that it does not have")

    def _lot_faults(self, stored: StoredLot) -> Iterator[Fault]:
        lot = stored.lot
        accrued, drawn = self.accrued.pop(lot.lot_id, 0), self.drawn.pop(lot.lot_id, 0)
        if lot.digest() != stored.digest:
            yield Fault("LOT_DIGEST", lot.lot_id, "the lot is not what was signed")
        if lot.earned != accrued:
            yield Fault("LOT", lot.lot_id, f"says {lot.earned} earned, the entries say {accrued}")
        if lot.remaining < 0 or lot.remaining != lot.earned - drawn:
            yield Fault(
                "LOT", lot.lot_id, f"{lot.remaining} left of {lot.earned}, of which {drawn} were drawn"
            )
        if purpose_of(lot.account_id) in WITHOUT_LOTS:
            yield Fault("LOT", lot.lot_id, f"{lot.account_id} has no lots")
        if lot.pending != (purpose_of(lot.account_id) == PENDING):
            yield Fault("LOT", lot.lot_id, "is pending in an account that is not, or the other way round")


def _holding_faults(account: Account, lots: Sequence[Lot], held: int) -> Iterator[Fault]:
    account_id, purpose = account.account_id, purpose_of(account.account_id)
    if purpose == ISSUER and account.balance > 0:
        yield Fault("ISSUER", account_id, f"the issuer holds {account.balance} points of its own")
    if purpose in WITHOUT_LOTS and purpose != ISSUER and account.balance < 0:
        yield Fault("OVERDRAFT", account_id, f"{-account.balance} points left it that never came")
    if purpose == HELD and held != account.balance:
        yield Fault("HELD", account_id, f"{account.balance} where open holds have {held}")
    if purpose in {PENDING, HELD} and account.arrears:
        yield Fault("ARREARS", account_id, f"what is {purpose} is never in arrears")
    if purpose in WITHOUT_LOTS:
        return
    if account.balance + account.arrears < 0:
        yield Fault("OVERDRAFT", account_id, f"{account.balance} left, {account.arrears} in arrears")
    remaining = sum(lot.remaining for lot in lots)
    if remaining != account.balance + account.arrears:
        owed = f", {account.arrears} in arrears" if account.arrears else ""
        yield Fault("LOT", account_id, f"lots hold {remaining}, the balance is {account.balance}{owed}")
