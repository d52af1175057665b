"""Purchases as columns: customers, days and repeats as the models count them."""

from datetime import date

import numpy as np

from libs.models.purchases import PurchaseLog, Repeats

FIRST = date(1997, 1, 1)


def a_log(*rows: tuple[str, int, int]) -> PurchaseLog:
    """Customers' purchases on days after the first, for an amount."""
    return PurchaseLog.of(
        (name, date.fromordinal(FIRST.toordinal() + day), 1, amount) for name, day, amount in rows
    )


def test_purchases_of_a_day_are_one_and_the_first_day_is_no_repeat() -> None:
    log = a_log(("a", 0, 1000), ("a", 14, 300), ("a", 14, 500), ("a", 21, 400), ("b", 7, 900))
    found = Repeats.of(log, FIRST.toordinal() + 28)

    assert found.frequency.tolist() == [2, 0]
    assert found.recency.tolist() == [3, 0]
    assert found.age.tolist() == [4, 3]
    assert found.value.tolist() == [6.0, 0]


def test_later_purchases_are_not_seen() -> None:
    log = a_log(("a", 0, 100), ("a", 7, 100), ("a", 8, 100))

    assert Repeats.of(log, FIRST.toordinal() + 7).frequency.tolist() == [1]


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [("b", 3, 10), ("a", 0, 20), ("b", 1, 30), ("a", 9, 40)]
    one, other = (Repeats.of(a_log(*each), FIRST.toordinal() + 20) for each in (rows, rows[::-1]))

    for name in ("frequency", "recency", "age", "value"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_who_buys_later_is_not_among_the_buyers_of_a_day_but_keeps_no_gap() -> None:
    log = a_log(("a", 30, 1), ("b", 0, 2), ("b", 40, 3), ("c", 5, 4)).of_buyers_until(FIRST.toordinal() + 10)

    assert log.customers_count == 2
    assert log.customer.tolist() == [0, 0, 1]
    assert log.amount_minor.tolist() == [2, 3, 4]


def test_days_bought_counts_days_of_each_customer() -> None:
    assert a_log(("a", 0, 1), ("a", 0, 1), ("a", 2, 1), ("b", 9, 1)).days_bought().tolist() == [2, 1]
