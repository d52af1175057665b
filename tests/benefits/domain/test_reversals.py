"""Reversals: a refund takes back what was earned by the money that was given back, to the point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.domain.ledger import Account, Reversal
from services.benefits.domain.movements import Movement
from services.benefits.domain.reversals import Refund
from tests.benefits.domain.builders import Books, a_refund, an_accrual
from tests.support.builders import DAY, NOON

SOON, LATER = NOON + 10 * DAY, NOON + 20 * DAY
ANN = "music_store/ann/points"


def account(books: Books) -> Account:
    return books.accounts[ANN]


def reversals(books: Books) -> list[Reversal]:
    return [each.reversal for each in books.transactions if each.reversal is not None]


def told(books: Books) -> list[tuple[int, int]]:
    """What each refund took back, and what it wrote off."""
    posted = [each for each in books.transactions if each.reversal is not None]
    return [(each.points, each.reversal.written_off_points) for each in posted if each.reversal]


def remaining(books: Books) -> list[int]:
    return [lot.remaining for lot in books.lots]


def drawn(books: Books) -> list[tuple[str, int]]:
    """What the last entry of ann's account drew, by the reference of the purchase that had earned it."""
    refs = {each.transaction_id: each.external_ref for each in books.transactions}
    origins = {lot.lot_id: refs[lot.origin_transaction_id] for lot in books.lots}
    return [(origins[each.lot_id], each.points) for each in books.entries_of(ANN)[-1].allocations]


def test_a_refund_of_the_whole_takes_back_what_the_purchase_earned() -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])

    books.post([a_refund("ann", 5_000)])

    accrual, reversal = books.transactions
    assert (reversal.points, reversal.original_transaction_id) == (50, accrual.transaction_id)
    assert (account(books).balance, remaining(books)) == (0, [0])
    assert books.accounts["music_store/reversed/points/00"].balance == 50


@pytest.mark.parametrize(
    ("refunded", "taken"),
    [(0, 0), (1, 1), (100, 1), (101, 2), (4_900, 49), (4_901, 50)],
    ids=["nothing", "a cent", "a unit", "a cent more", "all but one unit", "all but 99 cents"],
)
def test_what_is_left_of_the_purchase_keeps_what_it_would_have_earned(refunded: int, taken: int) -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])

    books.post([a_refund("ann", refunded)])

    assert told(books) == [(taken, 0)]
    assert account(books).balance == 50 - taken


def test_a_refund_that_takes_nothing_is_a_transaction_without_entries() -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])

    posting = books.post([a_refund("ann", 0)])

    assert (len(posting.transactions), posting.entries) == (1, [])


def test_each_rule_is_counted_anew_for_what_is_left() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, 50)])

    books.post([a_refund("ann", 1_050)])

    assert told(books) == [(22, 0)], "39.50 are left, and both rules gave a point for each whole unit"


def test_a_refund_of_what_no_rule_gave_points_for_moves_nothing() -> None:
    books = Books()

    posting = books.post([a_refund("ann", 1_000, of="unknown")])

    assert (posting.transactions, posting.entries) == ([], [])


@given(
    st.integers(0, 200),
    st.lists(st.integers(1, 5_000), max_size=6),
    st.lists(st.booleans(), min_size=7, max_size=7),
)
def test_partial_refunds_in_any_order_and_batches_take_back_what_one_of_the_whole_would(
    points: int, parts: list[int], ends: list[bool]
) -> None:
    books = Books()
    books.post([an_accrual("ann", points)])
    left, refunds = points * 100, []
    for place, part in enumerate([*parts, points * 100]):
        refunds.append(a_refund("ann", min(part, left), ref=f"back{place}"))
        left -= refunds[-1].amount_minor

    batch: list[Refund] = []
    for refund, end in zip(refunds, ends, strict=False):
        batch.append(refund)
        if end:
            books.post(batch)
            batch = []
    books.post(batch)

    assert sum(taken for taken, _ in told(books)) == points
    assert (sum(remaining(books)), reversals(books)[-1].refunded_minor) == (0, points * 100)
    assert [each.seq for each in reversals(books)] == list(range(1, len(refunds) + 1))


@given(st.permutations([3_333, 1, 1_666]), st.booleans())
def test_the_order_of_partial_refunds_makes_no_difference_in_the_end(parts: list[int], owes: bool) -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])
    books.spend(30)

    for place, part in enumerate(parts):
        books.post([a_refund("ann", part, ref=f"back{place}")], owes=owes)

    assert (account(books).balance, sum(taken for taken, _ in told(books))) == (
        (-30, 50) if owes else (0, 20)
    )
    assert sum(taken + written_off for taken, written_off in told(books)) == 50


def test_a_purchase_and_its_refunds_in_one_batch_are_as_exact_as_apart() -> None:
    together, apart = Books(), Books()
    movements: list[Movement] = [
        an_accrual("ann", 50),
        a_refund("ann", 1_050, ref="one"),
        an_accrual("ann", 7, ref="next"),
        a_refund("ann", 1_050, ref="two"),
    ]

    together.post(movements)
    for movement in movements:
        apart.post([movement])

    assert told(together) == told(apart) == [(11, 0), (10, 0)]
    assert remaining(together) == remaining(apart) == [29, 7]


def test_the_own_lot_gives_first_and_then_those_that_expire_soonest() -> None:
    books = Books()
    books.post([an_accrual("ann", 40, ref="own")])
    books.spend(35)
    for ref, points, expires in (("never", 30, None), ("later", 20, LATER), ("soon", 10, SOON)):
        books.post([an_accrual("ann", points, ref=ref, expires=expires)])

    books.post([a_refund("ann", 4_000, of="own")])

    assert drawn(books) == [("own", 5), ("soon", 10), ("later", 20), ("never", 5)]


def test_lots_of_others_and_pending_lots_do_not_pay() -> None:
    books = Books()
    books.post([an_accrual("ann", 40)])
    books.spend(40)
    books.post([an_accrual("bob", 50, ref="bob"), an_accrual("ann", 60, ref="new", pending_days=5)])

    books.post([a_refund("ann", 4_000)])

    assert (account(books).balance, remaining(books)) == (-40, [0, 50, 60])


def test_what_is_spent_is_owed_and_the_next_lots_pay_for_it() -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])
    books.spend(50)
    books.post([a_refund("ann", 5_000)])
    owed = (account(books).balance, account(books).arrears)

    books.post([an_accrual("ann", 30, ref="second"), an_accrual("ann", 30, ref="third")])

    assert owed == (-50, 50)
    assert (account(books).balance, account(books).arrears) == (10, 0)
    assert remaining(books) == [0, 0, 10]
    assert drawn(books) == [("third", 20)]
    assert account(books).available == 10


def test_nothing_is_available_while_something_is_owed() -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])
    books.spend(50)

    books.post([a_refund("ann", 5_000)])

    assert account(books).available == 0


def test_a_program_that_forgives_takes_what_is_left_and_writes_off_the_rest() -> None:
    books = Books()
    books.post([an_accrual("ann", 50)])
    books.spend(30)

    books.post([a_refund("ann", 5_000)], owes=False)

    assert told(books) == [(20, 30)]
    assert (account(books).balance, account(books).arrears) == (0, 0)


def test_a_pending_lot_gives_its_own_points_from_the_pending_account() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5)])

    books.post([a_refund("ann", 2_000)])

    assert books.accounts[f"{ANN}/pending"].balance == 30
    assert ANN not in books.accounts
    assert told(books) == [(20, 0)]


def test_after_the_activation_the_active_lot_gives() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5)])
    books.post([a_refund("ann", 2_000, ref="one")])
    books.mature(NOON + 5 * DAY)

    books.post([a_refund("ann", 3_000, ref="two", at=NOON + 6 * DAY)])

    assert told(books) == [(20, 0), (30, 0)]
    assert (account(books).balance, remaining(books)) == (0, [0, 0])


def test_points_that_have_expired_are_not_taken_again() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, expires=SOON)])
    books.spend(20)
    books.mature(SOON)
    books.post([an_accrual("ann", 100, ref="other")])

    books.post([a_refund("ann", 5_000, at=LATER)])

    assert told(books) == [(20, 30)], "20 were spent, 30 have expired"
    assert account(books).balance == 80


def test_points_that_have_expired_are_written_off_once() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, expires=SOON)])
    books.spend(20)
    books.mature(SOON)

    for ref in ("one", "two"):
        books.post([a_refund("ann", 2_500, ref=ref, at=LATER)])

    assert told(books) == [(0, 25), (20, 5)]


@pytest.mark.parametrize("swept_first", [True, False], ids=["expired before", "expired after"])
def test_a_lot_that_is_due_to_expire_gives_nothing_whether_it_has_expired_yet_or_not(
    swept_first: bool,
) -> None:
    books = Books()
    books.post([an_accrual("ann", 50, expires=SOON), an_accrual("ann", 70, ref="other", expires=LATER)])
    books.spend(20)
    if swept_first:
        books.mature(SOON)

    books.post([a_refund("ann", 2_500, ref="one", at=SOON), a_refund("ann", 2_500, ref="two", at=SOON)])
    books.mature(SOON)

    assert told(books) == [(0, 25), (20, 5)]
    assert (account(books).balance, remaining(books)) == (50, [0, 50])


@pytest.mark.parametrize("swept_first", [True, False], ids=["expired before", "expired after"])
@pytest.mark.parametrize("pays_first", [True, False], ids=["paid before", "paid after"])
def test_what_is_owed_is_the_same_whenever_a_lot_expires(swept_first: bool, pays_first: bool) -> None:
    books = Books()
    books.post([an_accrual("ann", 30, ref="own")])
    books.spend(30)
    books.post([an_accrual("ann", 50, ref="dated", expires=SOON)])
    if swept_first:
        books.mature(SOON)
    books.post([a_refund("ann", 3_000, of="own", at=SOON)])
    if pays_first:
        books.post([an_accrual("ann", 5, ref="next")])
    books.mature(SOON)
    if not pays_first:
        books.post([an_accrual("ann", 5, ref="next")])

    assert (account(books).balance, account(books).arrears, sum(remaining(books))) == (-25, 25, 0)
