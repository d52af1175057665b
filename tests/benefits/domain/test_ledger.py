"""The ledger core: whatever is posted, the books balance to the point."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.earning import Earning
from services.benefits.domain.ledger import (
    ISSUER,
    SYSTEM,
    Allocation,
    Entry,
    Lot,
    Reversal,
    Transaction,
    member_account,
    pending_account,
    purpose_of,
    system_account,
)
from tests.benefits.domain.builders import Books, an_accrual
from tests.support.builders import NOON, PROGRAM

# Batches as transactions of the database hold them: a stripe, and (member, points by rule) in order.
accruals = st.tuples(st.sampled_from(["ann", "bob", "cay"]), st.lists(st.integers(0, 500), max_size=3))
batches = st.lists(st.tuples(st.integers(0, 2), st.lists(accruals, max_size=6)), max_size=8)
Batches = Sequence[tuple[int, Sequence[tuple[str, Sequence[int]]]]]


def posted(batches: Batches) -> Books:
    books, ref = Books(), 0
    for stripe, wanted in batches:
        accrued = [
            an_accrual(member_id, *points, ref=f"r{ref + place}")
            for place, (member_id, points) in enumerate(wanted)
        ]
        books.post(accrued, stripe=stripe)
        ref += len(wanted)
    return books


@given(batches)
def test_every_transaction_sums_to_zero_and_moves_what_it_says(batches: Batches) -> None:
    books = posted(batches)

    for transaction in books.transactions:
        moved = [e.points for e in books.entries if e.transaction_id == transaction.transaction_id]
        assert moved == ([-transaction.points, transaction.points] if transaction.points else [])


@given(batches)
def test_the_sequence_of_every_account_is_one_to_n_without_a_gap(batches: Batches) -> None:
    books = posted(batches)

    for account in books.accounts.values():
        seqs = [entry.seq for entry in books.entries_of(account.account_id)]
        assert seqs == list(range(1, account.seq + 1))


@given(batches)
def test_each_balance_after_is_the_one_before_and_the_points(batches: Batches) -> None:
    books = posted(batches)

    for account in books.accounts.values():
        balance = 0
        for entry in books.entries_of(account.account_id):
            balance += entry.points
            assert entry.balance_after == balance
        assert account.balance == balance


@given(batches)
def test_all_balances_together_are_zero_and_no_member_owes(batches: Batches) -> None:
    books = posted(batches)

    assert sum(account.balance for account in books.accounts.values()) == 0
    for account in books.accounts.values():
        assert (account.balance <= 0) == account.owner.startswith("issuer:") or account.balance == 0


@given(batches)
def test_what_remains_in_the_lots_of_an_account_is_its_balance(batches: Batches) -> None:
    books = posted(batches)

    for account in books.accounts.values():
        remaining = sum(lot.remaining for lot in books.lots if lot.account_id == account.account_id)
        assert remaining == (0 if account.owner.startswith("issuer:") else account.balance)


@given(batches, batches)
def test_how_accruals_are_split_into_transactions_changes_no_balance(one: Batches, other: Batches) -> None:
    together = posted([(0, [each for _, wanted in [*one, *other] for each in wanted])])
    apart = posted([(0, [each]) for _, wanted in [*one, *other] for each in wanted])

    assert [(e.account_id, e.seq, e.points, e.balance_after) for e in together.entries] == [
        (e.account_id, e.seq, e.points, e.balance_after) for e in apart.entries
    ]


@pytest.mark.parametrize("points", [(), (0,), (0, 0)], ids=["no rule", "one rule", "two rules"])
def test_an_accrual_of_no_points_is_a_transaction_without_entry_and_lot(points: tuple[int, ...]) -> None:
    books = Books()

    posting = books.post([an_accrual("ann", *points)])

    assert len(posting.transactions) == 1
    assert (posting.entries, posting.lots, posting.accounts) == ([], {}, {})


def test_the_points_of_all_rules_are_one_lot_and_one_pair_of_entries() -> None:
    books = Books()

    posting = books.post([an_accrual("ann", 30, 12)])

    (lot,) = posting.new_lots()
    assert (lot.earned, lot.remaining, lot.active_time) == (42, 42, NOON)
    assert [(entry.points, entry.lot_id) for entry in posting.entries] == [(-42, ""), (42, lot.lot_id)]


def test_accounts_of_programs_currencies_and_stripes_never_share_an_id() -> None:
    made = [
        *(system_account(purpose, PROGRAM, "points", each) for purpose in SYSTEM for each in range(16)),
        system_account(ISSUER, "other_store", "points", 0),
        system_account(ISSUER, PROGRAM, "miles", 0),
        pending_account(PROGRAM, "mem_1", "points"),
        pending_account(PROGRAM, "mem_1", "miles"),
        member_account(PROGRAM, "mem_1", "points"),
        member_account(PROGRAM, "mem_1", "miles"),
        member_account("other_store", "mem_1", "points"),
    ]

    assert len({account.account_id for account in made}) == len(made)
    keys = {(each.program_id, each.owner, each.currency, each.stripe) for each in made}
    assert len(keys) == len(made)


@pytest.mark.parametrize("purpose", SYSTEM)
def test_an_account_says_what_it_is_for(purpose: str) -> None:
    assert purpose_of(system_account(purpose, PROGRAM, "points", 3).account_id) == purpose
    assert purpose_of(pending_account(PROGRAM, "mem_1", "points").account_id) == "pending"
    assert purpose_of(member_account(PROGRAM, "mem_1", "points").account_id) == ""


def an_entry() -> Entry:
    return Entry("ent_1", PROGRAM, "txn_1", "acc_1", 1, 10, 10, "lot_1", (Allocation("lot_1", 4),))


def a_transaction() -> Transaction:
    earning = Earning("purchase", 1000, 100, 1, 10_000, "normal", 10)
    reversal = Reversal(1, 300, 0, 300, 3, 0)
    return Transaction(
        "txn_1", PROGRAM, "accrual", "shop", "r1", 0, NOON, NOON, 10, (earning,), "txn_0", reversal
    )


def a_lot() -> Lot:
    return Lot("lot_1", PROGRAM, "mem_1", "acc_1", "txn_2", "txn_1", False, 10, 4, NOON, NOON)


def another(value: Any) -> Any:
    """A value that differs in one place."""
    if isinstance(value, tuple):
        return (another(value[0]),) if value else ("x",)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        last = dataclasses.fields(value)[-1].name
        return dataclasses.replace(value, **{last: another(getattr(value, last))})
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "x"
    return value + (timedelta(milliseconds=1) if value == NOON else 1)


RECORDS = [
    (made, each.name)
    for made in (an_entry, a_transaction, a_lot)
    for each in dataclasses.fields(made())
    if (made, each.name) != (a_lot, "remaining")
]


@pytest.mark.parametrize(("made", "name"), RECORDS, ids=[f"{made.__name__} {name}" for made, name in RECORDS])
def test_the_digest_of_a_record_changes_with_every_field(made: Any, name: str) -> None:
    record = made()

    changed = dataclasses.replace(record, **{name: another(getattr(record, name))})

    assert changed.digest() != record.digest() == made().digest()


def test_what_is_left_of_a_lot_is_no_part_of_its_digest() -> None:
    assert dataclasses.replace(a_lot(), remaining=1).digest() == a_lot().digest()
