"""Maturity: points wait until their time, then may be spent, and expire when nobody spent them in time."""

import pytest

from services.benefits.domain.posting import soonest_to_expire
from tests.benefits.domain.builders import Books, a_refund, an_accrual
from tests.support.builders import DAY, NOON

ANN = "music_store/ann/points"
SOON, LATER = NOON + 10 * DAY, NOON + 20 * DAY


def balances(books: Books) -> dict[str, int]:
    """What each purpose's accounts hold, without those that never moved."""
    return {key.removeprefix("music_store/"): each.balance for key, each in sorted(books.accounts.items())}


@pytest.mark.parametrize(
    ("days", "pending"), [(4, True), (5, False), (6, False)], ids=["before", "at its time", "after"]
)
def test_points_are_pending_until_their_time_and_late_ones_are_active_at_once(
    days: int, pending: bool
) -> None:
    books = Books()

    books.post([an_accrual("ann", 50, pending_days=5)], time=NOON + days * DAY)

    (lot,) = books.lots
    assert (lot.pending, lot.remaining) == (pending, 50)
    assert list(books.accounts) == ["music_store/issuer/points/00", f"{ANN}/pending" if pending else ANN]


def test_points_that_need_not_wait_are_active_even_where_the_source_is_ahead_of_the_program() -> None:
    books = Books()

    books.post([an_accrual("ann", 50, at=LATER)], time=NOON)

    assert [lot.pending for lot in books.lots] == [False]


def test_activation_moves_what_is_pending_to_the_account_that_is_spent_from() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5, expires=SOON)])

    posting = books.mature(NOON + 5 * DAY)

    (activation,) = posting.transactions
    before, after = books.lots
    assert balances(books) == {"ann/points": 50, "ann/points/pending": 0, "issuer/points/00": -50}
    assert (activation.kind, activation.points, activation.occurred_time) == (
        "activation",
        50,
        NOON + 5 * DAY,
    )
    assert activation.original_transaction_id == books.transactions[0].transaction_id
    assert (before.remaining, after.remaining, after.pending, after.expire_time) == (0, 50, False, SOON)
    assert after.origin_transaction_id == before.transaction_id


def test_activation_pays_what_is_owed_first() -> None:
    books = Books()
    books.post([an_accrual("ann", 30)])
    books.spend(30)
    books.post([a_refund("ann", 3_000), an_accrual("ann", 50, ref="new", pending_days=5)])

    books.mature(NOON + 5 * DAY)

    assert (books.accounts[ANN].balance, books.accounts[ANN].arrears) == (20, 0)
    assert [lot.remaining for lot in books.lots] == [0, 0, 20]


def test_what_was_refunded_while_it_was_pending_is_not_activated() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5)])
    books.post([a_refund("ann", 5_000)])

    posting = books.mature(LATER)

    assert posting.transactions == []


def test_what_nobody_spent_in_time_expires_lot_by_lot() -> None:
    books = Books()
    books.post(
        [an_accrual("ann", 50, ref="one", expires=SOON), an_accrual("ann", 20, ref="two", expires=LATER)]
    )

    posting = books.mature(SOON)

    (expiration,) = posting.transactions
    assert (expiration.kind, expiration.points, expiration.occurred_time) == ("expiration", 50, SOON)
    assert (expiration.external_ref, [lot.remaining for lot in books.lots]) == ("one", [0, 20])
    assert balances(books)["expired/points/00"] == 50


@pytest.mark.parametrize("again", [SOON, LATER], ids=["at once", "later"])
def test_nothing_expires_twice(again: object) -> None:
    books = Books()
    books.post([an_accrual("ann", 50, expires=SOON)])
    books.mature(SOON)

    assert books.mature(LATER).transactions == []


def test_nothing_expires_before_its_time_and_what_never_expires_stays() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, ref="one", expires=SOON), an_accrual("ann", 20, ref="two")])

    early = books.mature(SOON - DAY / 1000)
    books.mature(LATER)

    assert early.transactions == []
    assert [lot.remaining for lot in books.lots] == [0, 20]


def test_pending_points_become_active_and_expire_in_one_go_when_both_are_due() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5, expires=SOON)])

    posting = books.mature(LATER)

    assert [(each.kind, each.occurred_time) for each in posting.transactions] == [
        ("activation", NOON + 5 * DAY),
        ("expiration", SOON),
    ]
    assert balances(books)["expired/points/00"] == 50


def test_lots_are_drawn_on_in_the_order_of_their_expiry_and_the_older_first() -> None:
    books = Books()
    for ref, expires in (("a", None), ("b", LATER), ("c", SOON), ("d", None), ("e", SOON)):
        books.post([an_accrual("ann", 10, ref=ref, expires=expires)])
    names = dict(zip((lot.lot_id for lot in books.lots), "abcde", strict=True))

    assert [names[lot.lot_id] for lot in soonest_to_expire(books.lots)] == ["c", "e", "b", "a", "d"]


@pytest.mark.parametrize(("days", "usable"), [(9, True), (10, False)], ids=["before", "from its expiry on"])
def test_a_lot_is_never_usable_from_its_expiry_on(days: int, usable: bool) -> None:
    books = Books()
    books.post([an_accrual("ann", 50, expires=SOON)])

    assert books.lots[0].usable(NOON + days * DAY) is usable
