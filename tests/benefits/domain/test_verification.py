"""Verification: a ledger as it was posted has no fault, and each planted one is found by its code."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.ledger import Account, Entry, Lot, Transaction
from services.benefits.domain.verification import (
    AccountCheck,
    Fault,
    StoredEntry,
    StoredLot,
    StoredTransaction,
    transaction_faults,
)
from tests.benefits.domain.builders import Books, an_accrual
from tests.support.builders import NOON


@dataclass
class Stored:
    """A ledger as a database holds it, digests beside the records, so that faults can be planted."""

    accounts: dict[str, Account]
    entries: list[StoredEntry]
    lots: list[StoredLot]
    transactions: list[StoredTransaction]

    @classmethod
    def of(cls, books: Books) -> "Stored":
        return cls(
            dict(books.accounts),
            [StoredEntry(entry, entry.digest()) for entry in books.entries],
            [StoredLot(lot, lot.digest()) for lot in books.lots],
            [StoredTransaction(each, each.digest()) for each in books.transactions],
        )

    def faults(self) -> list[Fault]:
        found: list[Fault] = []
        for account in self.accounts.values():
            check = AccountCheck(account)
            own = [each for each in self.entries if each.entry.account_id == account.account_id]
            for stored in sorted(own, key=lambda each: each.entry.seq):
                found += check.entry_faults(stored)
            found += check.faults([each for each in self.lots if each.lot.account_id == account.account_id])
        for transaction in self.transactions:
            transaction_id = transaction.transaction.transaction_id
            entries = [each.entry for each in self.entries if each.entry.transaction_id == transaction_id]
            found += transaction_faults(transaction, entries)
        return found

    def codes(self) -> set[str]:
        return {fault.code for fault in self.faults()}

    # Ann has earned 10, then 20, then 0 points; her entries stand at places 1 and 3.

    def entry(self, place: int, *, signed: bool = False, **fields: int) -> None:
        """Change an entry; its digest too where `signed`, as one who can sign would."""
        old = self.entries[place]
        entry: Entry = replace(old.entry, **fields)  # type: ignore[arg-type]
        self.entries[place] = StoredEntry(entry, entry.digest() if signed else old.digest)

    def account(self, which: str, **fields: int) -> None:
        (key,) = [key for key in self.accounts if which in key]
        self.accounts[key] = replace(self.accounts[key], **fields)  # type: ignore[arg-type]

    def lot(self, *, signed: bool = False, **fields: object) -> None:
        old = self.lots[0]
        lot: Lot = replace(old.lot, **fields)  # type: ignore[arg-type]
        self.lots[0] = StoredLot(lot, lot.digest() if signed else old.digest)

    def transaction(self, *, signed: bool = False, **fields: int) -> None:
        old = self.transactions[0]
        transaction: Transaction = replace(old.transaction, **fields)  # type: ignore[arg-type]
        self.transactions[0] = StoredTransaction(transaction, transaction.digest() if signed else old.digest)


def anns_ledger() -> Stored:
    books = Books()
    for place, points in enumerate((10, 20, 0)):
        books.post([an_accrual("ann", points, ref=f"r{place}")])
    return Stored.of(books)


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.integers(0, 99)), max_size=12))
def test_a_ledger_as_it_was_posted_has_no_fault(posted: list[tuple[str, int]]) -> None:
    books = Books()
    for place, (member_id, points) in enumerate(posted):
        books.post([an_accrual(member_id, points, ref=f"r{place}")], stripe=place % 2)

    assert Stored.of(books).faults() == []


FAULTS: list[tuple[str, str, Callable[[Stored], object]]] = [
    ("points of an entry edited", "ENTRY_DIGEST", lambda stored: stored.entry(1, points=11)),
    (
        "points edited and signed anew",
        "BALANCE_AFTER",
        lambda stored: stored.entry(1, signed=True, points=11),
    ),
    ("points edited and signed anew, in the sum", "BALANCE", lambda s: s.entry(1, signed=True, points=11)),
    ("one entry edited and signed anew", "TRANSACTION_SUM", lambda s: s.entry(1, signed=True, points=11)),
    ("a sequence skipped", "SEQUENCE", lambda stored: stored.entry(3, signed=True, seq=5)),
    ("an entry deleted", "SEQUENCE", lambda stored: stored.entries.pop(1)),
    ("the last entry deleted", "BALANCE", lambda stored: stored.entries.pop(3)),
    ("an entry deleted, in its transaction", "TRANSACTION_ENTRIES", lambda stored: stored.entries.pop(1)),
    ("an entry twice", "SEQUENCE", lambda stored: stored.entries.append(stored.entries[3])),
    ("a balance after edited", "BALANCE_AFTER", lambda s: s.entry(1, signed=True, balance_after=11)),
    ("a balance edited", "BALANCE", lambda stored: stored.account("ann", balance=31)),
    ("an account's sequence edited", "SEQUENCE", lambda stored: stored.account("ann", seq=3)),
    ("an issuer that holds points", "ISSUER", lambda stored: stored.account("issuer", balance=30)),
    ("more held than there is", "OVERDRAFT", lambda stored: stored.account("ann", held=31)),
    ("less than nothing held", "OVERDRAFT", lambda stored: stored.account("ann", held=-1)),
    ("less than nothing owned", "OVERDRAFT", lambda stored: stored.account("ann", balance=-1)),
    ("a lot deleted", "LOT", lambda stored: stored.lots.pop()),
    ("a lot spent without an entry", "LOT", lambda stored: stored.lot(remaining=9)),
    ("a lot with more than was earned", "LOT", lambda stored: stored.lot(remaining=11)),
    ("a lot of other points, signed anew", "LOT", lambda stored: stored.lot(signed=True, earned=11)),
    ("a lot of another time", "LOT_DIGEST", lambda stored: stored.lot(expire_time=NOON)),
    ("a transaction edited", "TRANSACTION_DIGEST", lambda stored: stored.transaction(line=7)),
    ("a transaction of other points", "TRANSACTION_ENTRIES", lambda s: s.transaction(signed=True, points=9)),
    ("points that no rule gave", "EARNINGS", lambda stored: stored.transaction(signed=True, points=9)),
]


@pytest.mark.parametrize(
    ("code", "plant"), [fault[1:] for fault in FAULTS], ids=[f"{fault[0]}: {fault[1]}" for fault in FAULTS]
)
def test_a_planted_fault_is_found_by_its_code(code: str, plant: Callable[[Stored], object]) -> None:
    stored = anns_ledger()

    plant(stored)

    assert code in stored.codes()


def test_a_transaction_that_only_gives_is_found() -> None:
    stored = anns_ledger()
    stored.entries = [each for each in stored.entries if each.entry.points > 0]

    assert {"TRANSACTION_SUM", "TRANSACTION_ENTRIES"} <= stored.codes()


def test_one_edited_entry_does_not_make_all_later_ones_look_broken() -> None:
    stored = anns_ledger()

    stored.entry(1, signed=True, balance_after=11)

    broken = [fault for fault in stored.faults() if fault.code == "BALANCE_AFTER"]
    assert len(broken) == 2, "the edited one, and the one that follows from it"


def test_a_fault_names_the_record_and_says_what_is_wrong() -> None:
    stored = anns_ledger()

    stored.account("ann", balance=31)

    (fault,) = [fault for fault in stored.faults() if fault.code == "BALANCE"]
    assert fault.object_id == "music_store/ann/points"
    assert fault.detail == "31 where the entries sum to 30"
