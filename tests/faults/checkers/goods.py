"""R1, R2, C1, P1: one payment to a redemption, stock, coupons within their limits, contracts without overlap.

The rules are those that the tests hold against a program after each race.
"""

from collections.abc import Iterator

from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Final
from tests.faults.history import History
from tests.support.goods import contract_faults, coupon_faults, payment_faults, stock_faults


def check(history: History, final: Final) -> Iterator[Finding]:
    """What is kept of goods, at the end."""
    goods = final.goods
    yield from _found("R1", payment_faults(goods.redemptions, goods.holds, goods.moves))
    yield from _found("R2", stock_faults(goods.rewards, goods.redemptions))
    coupons = coupon_faults(goods.campaigns, goods.coupons, goods.takers, goods.reservations)
    yield from _found("C1", coupons)
    yield from _found("P1", iter(contract_faults(goods.contracts)))


def _found(promise: str, faults: Iterator[str]) -> Iterator[Finding]:
    return (broken(promise, fault) for fault in faults)
