"""Verification: a ledger as it was posted has no fault, and each planted one is found by its code."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benefits.domain.builders import Books, an_accrual
from tests.benefits.domain.stored import Stored
from tests.support.builders import NOON


def anns_ledger() -> Stored:
    """Ann has earned 10, then 20, then 0 points; her entries stand at places 1 and 3."""
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
