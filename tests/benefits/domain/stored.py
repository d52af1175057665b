"""A ledger as a database holds it, for tests that plant faults in it."""

from dataclasses import dataclass, replace

from services.benefits.domain.causes import PurchaseCheck, draw_faults, transaction_faults
from services.benefits.domain.hold_checks import HoldCheck
from services.benefits.domain.holds import Hold
from services.benefits.domain.ledger import Account, Entry, Lot, Transaction, held_account
from services.benefits.domain.reversals import Purchase
from services.benefits.domain.verification import (
    AccountCheck,
    Fault,
    StoredEntry,
    StoredLot,
    StoredTransaction,
)
from tests.benefits.domain.builders import Books


@dataclass
class Stored:
    """A ledger as a database holds it, digests beside the records, so that faults can be planted."""

    accounts: dict[str, Account]
    entries: list[StoredEntry]
    lots: list[StoredLot]
    transactions: list[StoredTransaction]
    holds: dict[str, Hold]

    @classmethod
    def of(cls, books: Books) -> "Stored":
        return cls(
            dict(books.accounts),
            [StoredEntry(entry, entry.digest()) for entry in books.entries],
            [StoredLot(lot, lot.digest()) for lot in books.lots],
            [StoredTransaction(each, each.digest()) for each in books.transactions],
            dict(books.holds),
        )

    def faults(self) -> list[Fault]:
        found: list[Fault] = []
        for account in self.accounts.values():
            check = AccountCheck(account, self.held_in(account.account_id))
            own = [each for each in self.entries if each.entry.account_id == account.account_id]
            for stored in sorted(own, key=lambda each: each.entry.seq):
                found += check.entry_faults(stored)
            found += check.faults([each for each in self.lots if each.lot.account_id == account.account_id])
        lots = {stored.lot.lot_id: stored.lot for stored in self.lots}
        for transaction in self.transactions:
            transaction_id = transaction.transaction.transaction_id
            entries = [each.entry for each in self.entries if each.entry.transaction_id == transaction_id]
            found += transaction_faults(transaction, entries)
            for entry in entries:
                found += draw_faults(transaction.transaction, entry, lots)
            found += self.following_faults(transaction.transaction)
        for held in self.holds.values():
            found += self.hold_faults(held)
        return found

    def held_in(self, account_id: str) -> int:
        return sum(
            each.points
            for each in self.holds.values()
            if each.open
            and account_id == held_account(each.program_id, each.charge.member_id, each.currency).account_id
        )

    def hold_faults(self, held: Hold) -> list[Fault]:
        check = HoldCheck(held)
        found: list[Fault] = []
        for stored in self.transactions:
            if stored.transaction.hold_id == held.hold_id:
                transaction_id = stored.transaction.transaction_id
                own = [each.entry for each in self.entries if each.entry.transaction_id == transaction_id]
                found += check.follow(stored.transaction, own)
        return [*found, *check.faults()]

    def following_faults(self, accrual: Transaction) -> list[Fault]:
        check = PurchaseCheck(Purchase(accrual))
        found: list[Fault] = []
        for stored in self.transactions:
            if stored.transaction.original_transaction_id == accrual.transaction_id:
                found += check.faults(stored.transaction)
        return found

    def codes(self) -> set[str]:
        return {fault.code for fault in self.faults()}

    def entry(self, place: int, *, signed: bool = False, **fields: object) -> None:
        """Change an entry; its digest too where `signed`, as one who can sign would."""
        old = self.entries[place]
        entry: Entry = replace(old.entry, **fields)  # type: ignore[arg-type]
        self.entries[place] = StoredEntry(entry, entry.digest() if signed else old.digest)

    def account(self, which: str, **fields: int) -> None:
        """Change the account of a member, or the one that is for this purpose."""
        (key,) = [key for key, each in self.accounts.items() if each.owner.partition(":")[0] == which]
        self.accounts[key] = replace(self.accounts[key], **fields)  # type: ignore[arg-type]

    def lot(self, place: int = 0, *, signed: bool = False, **fields: object) -> None:
        old = self.lots[place]
        lot: Lot = replace(old.lot, **fields)  # type: ignore[arg-type]
        self.lots[place] = StoredLot(lot, lot.digest() if signed else old.digest)

    def transaction(self, place: int = 0, *, signed: bool = False, **fields: object) -> None:
        old = self.transactions[place]
        transaction: Transaction = replace(old.transaction, **fields)  # type: ignore[arg-type]
        self.transactions[place] = StoredTransaction(
            transaction, transaction.digest() if signed else old.digest
        )

    def place(self, kind: str, nth: int = 0) -> int:
        """Where the nth transaction of a kind stands."""
        kinds = [each.transaction.kind for each in self.transactions]
        return [place for place, each in enumerate(kinds) if each == kind][nth]

    def sign(self, kind: str, nth: int = 0, /, **fields: object) -> None:
        """Change the nth transaction of a kind, as one who can sign would."""
        self.transaction(self.place(kind, nth), signed=True, **fields)

    def sign_reversal(self, nth: int = 0, **fields: int) -> None:
        """Change what the nth reversal says of the refund."""
        reversal = self.transactions[self.place("reversal", nth)].transaction.reversal
        assert reversal is not None
        self.sign("reversal", nth, reversal=replace(reversal, **fields))

    def sign_entry(self, kind: str, nth: int = 0, *, gives: bool = True, **fields: object) -> None:
        """Change the entry of the account that the nth transaction of a kind takes from, or gives to."""
        transaction_id = self.transactions[self.place(kind, nth)].transaction.transaction_id
        for place, stored in enumerate(self.entries):
            if stored.entry.transaction_id == transaction_id and (stored.entry.points < 0) == gives:
                self.entry(place, signed=True, **fields)
