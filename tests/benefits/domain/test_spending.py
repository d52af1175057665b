"""Spending: which lots are drawn on, where points go back to, and who is refused."""

from datetime import datetime, timedelta

import pytest

from libs.common.redemption_policy import Transfers
from services.benefits.domain.adjustments import applied, rejected, require_second
from services.benefits.domain.errors import (
    AdjustmentDecided,
    AdjustmentOfOwn,
    HoldExceeded,
    HoldStateWrong,
    PointsInsufficient,
    TransferLimit,
    TransfersNotAllowed,
)
from services.benefits.domain.holds import HoldState
from services.benefits.domain.transfers import require_allowed
from tests.benefits.domain.builders import RETURNED_DAYS, Books, a_refund, an_accrual, an_adjustment
from tests.benefits.domain.stored import Stored
from tests.support.builders import DAY, NOON

HOUR = timedelta(hours=1)


def a_ledger(*lots: tuple[int, datetime | None]) -> Books:
    """Ann's lots of so many points, each with its end."""
    books = Books()
    for place, (points, expires) in enumerate(lots):
        books.post([an_accrual("ann", points, ref=f"r{place}", expires=expires)])
    return books


def remaining(books: Books) -> list[int]:
    return [lot.remaining for lot in books.lots]


def balances(books: Books) -> dict[str, int]:
    """What is on the accounts, by the end of their names."""
    names = {"ann/points": "active", "ann/points/held": "held"}
    found = {key.removeprefix("music_store/"): each.balance for key, each in books.accounts.items()}
    return {names.get(key, key.partition("/")[0]): balance for key, balance in found.items()}


def test_the_lots_that_expire_soonest_are_drawn_on_and_lasting_ones_last() -> None:
    books = a_ledger((10, None), (20, NOON + 9 * DAY), (30, NOON + 5 * DAY))

    books.hold(55)

    assert remaining(books) == [5, 0, 0]
    assert balances(books) == {"issuer": -60, "active": 5, "held": 55}


def test_points_that_were_passed_on_keep_their_end_when_they_come_back_behind_it() -> None:
    books = a_ledger((10, NOON + 9 * DAY))
    books.transfer(10, "ann", "bob", time=NOON)
    held = books.hold(10, "bob")

    books.release(held, time=NOON + 12 * DAY)

    assert {lot.expire_time for lot in books.lots if lot.remaining} == {NOON + 12 * DAY}


def test_what_comes_back_together_ends_with_what_had_its_days() -> None:
    books = a_ledger((10, NOON + 9 * DAY), (20, NOON + 60 * DAY))
    first = books.hold(10)
    books.release(first, time=NOON + 10 * DAY)
    both = books.hold(30, time=NOON + 20 * DAY)

    books.release(both, time=NOON + 70 * DAY)

    assert {lot.expire_time: lot.remaining for lot in books.lots if lot.remaining} == {NOON + 70 * DAY: 30}


def test_what_comes_back_too_late_ends_at_once_and_still_pays_what_is_owed() -> None:
    books = a_ledger((10, NOON + 9 * DAY))
    first = books.hold(10)
    books.release(first, time=NOON + 10 * DAY)
    second = books.hold(10, time=NOON + 20 * DAY)
    books.post([an_accrual("ann", 6, ref="r1", expires=None)])
    books.hold(6, time=NOON + 20 * DAY)
    books.post([a_refund("ann", 600, of="r1", ref="back", at=NOON + 21 * DAY)])

    books.release(second, time=NOON + 60 * DAY)

    assert {lot.expire_time: lot.remaining for lot in books.lots if lot.remaining} == {NOON + 60 * DAY: 4}
    assert Stored.of(books).faults() == []


def test_lots_that_have_ended_are_not_drawn_on_even_before_they_are_swept() -> None:
    books = a_ledger((10, NOON + DAY), (20, NOON + 9 * DAY))

    with pytest.raises(PointsInsufficient) as refused:
        books.hold(21, time=NOON + DAY)

    assert refused.value.facts == {"available_points": 20, "missing_points": 1}


def test_pending_points_are_not_drawn_on() -> None:
    books = Books()
    books.post([an_accrual("ann", 50, pending_days=5)])

    with pytest.raises(PointsInsufficient):
        books.hold(1)


def test_what_is_captured_first_is_what_expires_first() -> None:
    books = a_ledger((20, NOON + 9 * DAY), (30, NOON + 5 * DAY))
    held = books.hold(40)

    books.capture(held, 35)

    assert remaining(books) == [15, 0]
    assert balances(books) == {"issuer": -50, "active": 15, "held": 0, "spent": 35}


def test_what_comes_back_in_parts_is_what_went_last() -> None:
    books = a_ledger((20, NOON + 9 * DAY), (30, NOON + 5 * DAY))
    held = books.capture(books.hold(40), 40)

    held = books.give_back(held, 15)
    first = remaining(books)
    books.give_back(held, 25)

    assert (first, remaining(books)) == ([20, 5], [20, 30])


@pytest.mark.parametrize(
    ("left", "lots"),
    [(2 * HOUR, [50]), (HOUR, [0, 50]), (-DAY, [0, 50])],
    ids=["two hours before its end", "an hour before it", "after it"],
)
def test_points_go_back_to_their_lot_until_an_hour_before_its_end(left: timedelta, lots: list[int]) -> None:
    books, time = a_ledger((50, NOON + 9 * DAY)), NOON + 9 * DAY - left
    held = books.hold(50)
    books.mature(time)

    books.release(held, time=time)

    assert remaining(books) == lots
    ends = {lot.expire_time for lot in books.lots if lot.remaining}
    assert ends == {NOON + 9 * DAY if len(lots) == 1 else time + RETURNED_DAYS * DAY}
    assert Stored.of(books).faults() == []


def test_what_comes_back_anew_expires_once_beside_the_lot_that_it_came_from() -> None:
    books = a_ledger((50, NOON + DAY))
    held = books.hold(40)
    books.mature(NOON + DAY)

    books.release(held, time=NOON + 2 * DAY)
    books.mature(NOON + 100 * DAY)

    expired = [each for each in books.transactions if each.kind == "expiration"]
    assert [(each.source, each.points) for each in expired] == [("shop", 10), ("lot", 40)]
    assert balances(books) == {"issuer": -50, "active": 0, "held": 0, "expired": 50}
    assert Stored.of(books).faults() == []


def test_what_comes_back_to_who_owes_pays_first_with_what_expires_soonest() -> None:
    books = a_ledger((30, NOON + 20 * DAY), (50, NOON + 10 * DAY))
    held = books.hold(80)
    books.post([a_refund("ann", 1_000, of="r1")])

    books.release(held)

    assert remaining(books) == [30, 40]
    assert balances(books) == {"issuer": -80, "active": 70, "held": 0, "reversed": 10}
    assert Stored.of(books).faults() == []


def test_who_owes_spends_nothing_that_others_gave_them_before_it_is_paid() -> None:
    books = a_ledger((30, None))
    books.spend(30)
    books.post([a_refund("ann", 1_000, of="r0")])
    books.post([an_accrual("bob", 50, ref="r9")])

    books.transfer(25, "bob", "ann")

    assert balances(books)["active"] == 15
    with pytest.raises(PointsInsufficient) as refused:
        books.hold(16)
    assert refused.value.facts == {"available_points": 15, "missing_points": 1}


def test_a_hold_past_its_end_is_released_as_expired() -> None:
    books = a_ledger((50, None))
    held = books.hold(50, expires_time=NOON)

    with pytest.raises(HoldStateWrong) as refused:
        books.capture(held, 50)
    released = books.release(held)

    assert refused.value.facts == {"state": "expired"}
    assert released.state is HoldState.EXPIRED


@pytest.mark.parametrize("points", [0, -1, 51])
def test_no_more_is_captured_than_is_held_and_no_less_than_one(points: int) -> None:
    books = a_ledger((80, None))
    held = books.hold(50)

    with pytest.raises(HoldExceeded):
        books.capture(held, points)


@pytest.mark.parametrize("points", [0, -1, 31])
def test_no_more_is_given_back_than_stays_spent_and_no_less_than_one(points: int) -> None:
    books = a_ledger((80, None))
    spent = books.give_back(books.capture(books.hold(50), 40), 10)

    with pytest.raises(HoldExceeded):
        books.give_back(spent, points)


def test_money_counts_by_the_points_that_are_kept_and_all_of_it_comes_off() -> None:
    books = a_ledger((80, None))
    held = books.hold(70)

    captured = books.capture(held, 33)
    some = books.give_back(captured, 20)
    none = books.give_back(some, 13)

    assert [each.kept_minor for each in (held, captured, some, none)] == [70, 33, 13, 0]


def test_points_that_are_passed_on_keep_their_ends() -> None:
    books = a_ledger((20, NOON + 9 * DAY), (30, NOON + 5 * DAY), (40, NOON + 9 * DAY))

    books.transfer(65, "ann", "bob")

    bobs = [(lot.earned, lot.expire_time) for lot in books.lots if lot.member_id == "bob"]
    assert bobs == [(30, NOON + 5 * DAY), (35, NOON + 9 * DAY)]
    assert balances(books)["active"] == 25
    assert Stored.of(books).faults() == []


def test_points_that_were_passed_on_expire_each_lot_by_itself() -> None:
    books = a_ledger((20, NOON + 9 * DAY), (30, NOON + 5 * DAY))
    books.transfer(50, "ann", "bob")

    books.mature(NOON + 9 * DAY)

    assert balances(books) == {"issuer": -50, "active": 0, "bob": 0, "expired": 50}
    assert Stored.of(books).faults() == []


def test_a_refund_does_not_take_from_whom_points_were_passed_on_to() -> None:
    books = a_ledger((50, None))
    books.transfer(50, "ann", "bob")

    books.post([a_refund("ann", 5_000, of="r0")])

    assert balances(books) == {"issuer": -50, "active": -50, "bob": 50, "reversed": 50}
    assert Stored.of(books).faults() == []


ALLOWED = Transfers(min_points=10, daily_max_points=100)


def test_a_transfer_within_what_is_allowed_is_let_through() -> None:
    assert require_allowed(ALLOWED, points=100, before_points=0, to_oneself=False) is ALLOWED


@pytest.mark.parametrize(
    ("policy", "points", "before", "oneself", "refusal", "facts"),
    [
        (None, 10, 0, False, TransfersNotAllowed, {}),
        (ALLOWED, 10, 0, True, TransfersNotAllowed, {}),
        (ALLOWED, 9, 0, False, TransferLimit, {"min_points": 10}),
        (ALLOWED, 41, 60, False, TransferLimit, {"daily_max_points": 100, "left_points": 40}),
        (ALLOWED, 10, 300, False, TransferLimit, {"daily_max_points": 100, "left_points": 0}),
    ],
    ids=["in a program without", "to oneself", "too few", "above the day", "after a smaller limit"],
)
def test_other_transfers_are_refused(
    policy: Transfers | None,
    points: int,
    before: int,
    oneself: bool,
    refusal: type[Exception],
    facts: dict[str, int],
) -> None:
    with pytest.raises(refusal) as refused:
        require_allowed(policy, points=points, before_points=before, to_oneself=oneself)

    assert refused.value.facts == facts  # type: ignore[attr-defined]


def test_staff_give_points_from_the_issuer_and_take_them_back_to_the_reversed() -> None:
    books = a_ledger((50, NOON + DAY))

    books.adjust(30, expires=NOON + 9 * DAY)
    books.adjust(-60)

    assert remaining(books) == [0, 20]
    assert balances(books) == {"issuer": -80, "active": 20, "reversed": 60}
    books.mature(NOON + 9 * DAY)
    assert balances(books)["expired"] == 20
    assert Stored.of(books).faults() == []


def test_staff_take_no_more_than_there_is() -> None:
    books = a_ledger((50, None))

    with pytest.raises(PointsInsufficient):
        books.adjust(-51)


def test_who_asked_does_not_approve_and_nobody_decides_twice() -> None:
    asked, books = an_adjustment(30), a_ledger((50, None))
    transaction = books.transactions[0]

    with pytest.raises(AdjustmentOfOwn):
        require_second(asked, by="sue")
    for decided in (applied(asked, transaction, by="max"), rejected(asked, by="sue", now=NOON)):
        with pytest.raises(AdjustmentDecided):
            require_second(decided, by="max")
        with pytest.raises(AdjustmentDecided):
            rejected(decided, by="max", now=NOON)
