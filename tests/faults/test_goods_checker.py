"""Goods: the checker on the smallest shelf that has a fault, and what is read of a real database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.checkers import goods
from tests.faults.final import Final, Goods
from tests.faults.history import History
from tests.faults.model.bugs import Bug
from tests.faults.model.goods import BEGIN, YEAR
from tests.faults.model.run import Model

Change = Callable[[Goods], Goods]


@pytest.fixture(scope="module")
def shelf() -> Goods:
    """Goods of a platform that is right: redeemed, cancelled, used and sold."""
    return Model(5).run(200)[1].goods


def found(shelf: Goods) -> set[str]:
    """The promises that are broken."""
    return {each.promise for each in goods.check(History(), Final(goods=shelf))}


def changed(shelf: Goods, table: str, **fields: Any) -> Goods:
    """The shelf with other fields of the first document of a table."""
    first, *others = getattr(shelf, table)
    return replace(shelf, **{table: [{**first, **fields}, *others]})


def test_goods_that_are_right_are_passed(shelf: Goods) -> None:
    assert all((shelf.redemptions, shelf.moves, shelf.reservations, shelf.contracts))
    assert found(shelf) == set()


def test_nothing_at_all_is_right() -> None:
    assert found(Goods()) == set()


@pytest.mark.parametrize(
    ("break_it", "promise"),
    [
        (lambda shelf: changed(shelf, "rewards", taken=-1), "R2"),
        (lambda shelf: changed(shelf, "rewards", stocked=0), "R2"),
        (lambda shelf: changed(shelf, "holds", state="captured"), "R1"),
        (lambda shelf: changed(shelf, "holds", points=6), "R1"),
        (lambda shelf: replace(shelf, holds=shelf.holds[1:]), "R1"),
        (lambda shelf: replace(shelf, redemptions=shelf.redemptions[1:]), "R1"),
        (lambda shelf: replace(shelf, moves=shelf.moves * 2), "R1"),
        (lambda shelf: changed(shelf, "campaigns", taken_count=1), "C1"),
        (lambda shelf: changed(shelf, "coupons", taken_count=1), "C1"),
        (lambda shelf: changed(shelf, "reservations", reserved_time=BEGIN + YEAR), "C1"),
        (lambda shelf: changed(shelf, "reservations", reserved_time=BEGIN - timedelta(seconds=1)), "C1"),
        (lambda shelf: replace(shelf, takers=[{"_id": "model/ten_off/ann", "taken_count": 1}]), "C1"),
        (lambda shelf: replace(shelf, contracts=shelf.contracts * 2), "P1"),
    ],
    ids=[
        "stock counts other than there are",
        "more taken than stocked",
        "spent and only reserved",
        "another price",
        "no hold",
        "a hold for nothing",
        "given back twice",
        "a campaign counts other than used",
        "a coupon counts other than used",
        "used after its window",
        "used before its window",
        "a member counts what nobody used",
        "a payment twice",
    ],
)
def test_what_breaks_a_promise_is_found_as_that(shelf: Goods, break_it: Change, promise: str) -> None:
    assert promise in found(break_it(shelf))


@pytest.mark.parametrize(
    ("bug", "promise"),
    [
        (Bug.CANCELLED_AGAIN, "R1"),
        (Bug.STOCK_APART, "R2"),
        (Bug.LIMIT_READ_BEFORE, "C1"),
        (Bug.STALE_PERIOD, "P1"),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_bug_of_goods_breaks_its_promise_and_no_other_of_theirs(
    bug: Bug, promise: str, seed: int
) -> None:
    _, final = Model(seed, bug).run(400)

    assert {each.promise for each in goods.check(History(), final)} == {promise}
