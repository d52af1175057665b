"""The ledger core: whatever is posted, the books balance to the point."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.earning import Earning
from services.benefits.domain.ledger import Entry, Transaction, issuer_account, member_account
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
    assert (posting.entries, posting.lots, posting.accounts) == ([], [], {})


def test_the_points_of_all_rules_are_one_lot_and_one_pair_of_entries() -> None:
    books = Books()

    posting = books.post([an_accrual("ann", 30, 12)])

    (lot,) = posting.lots
    assert (lot.earned, lot.remaining, lot.active_time) == (42, 42, NOON)
    assert [(entry.points, entry.lot_id) for entry in posting.entries] == [(-42, ""), (42, lot.lot_id)]


def test_accounts_of_programs_currencies_and_stripes_never_share_an_id() -> None:
    made = [
        *(issuer_account(PROGRAM, "points", stripe) for stripe in range(16)),
        issuer_account("other_store", "points", 0),
        issuer_account(PROGRAM, "miles", 0),
        member_account(PROGRAM, "mem_1", "points"),
        member_account(PROGRAM, "mem_1", "miles"),
        member_account("other_store", "mem_1", "points"),
    ]

    assert len({account.account_id for account in made}) == len(made)


def an_entry() -> Entry:
    return Entry("ent_1", PROGRAM, "txn_1", "acc_1", 1, 10, 10, "lot_1")


def a_transaction() -> Transaction:
    earning = Earning("purchase", 1000, 100, 1, 10_000, "normal", 10)
    return Transaction("txn_1", PROGRAM, "accrual", "shop", "r1", 0, NOON, NOON, 10, (earning,))


def another(value: Any) -> Any:
    if isinstance(value, tuple):
        return (dataclasses.replace(value[0], multiplier_bp=20_000),)
    if isinstance(value, str):
        return value + "x"
    return value + (timedelta(milliseconds=1) if value == NOON else 1)


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Entry)])
def test_the_digest_of_an_entry_changes_with_every_field(name: str) -> None:
    entry = an_entry()

    changed = dataclasses.replace(entry, **{name: another(getattr(entry, name))})

    assert changed.digest() != entry.digest() == an_entry().digest()


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Transaction)])
def test_the_digest_of_a_transaction_changes_with_every_field(name: str) -> None:
    transaction = a_transaction()

    changed = dataclasses.replace(transaction, **{name: another(getattr(transaction, name))})

    assert changed.digest() != transaction.digest() == a_transaction().digest()
