"""Verification of every kind of transaction: each planted fault is found by its code."""

from collections.abc import Callable

import pytest

from services.benefits.domain.ledger import Allocation
from tests.benefits.domain.builders import Books, a_refund, an_accrual
from tests.benefits.domain.stored import Stored
from tests.support.builders import DAY, NOON


def a_ledger_of_every_kind() -> Stored:
    """Ann's points pended, were activated, spent, taken back into arrears, paid for, and expired.

    Lots in order: 0 the pending one of r0, 1 what it became, 2 of r1, which paid 10 of arrears first, and
    3 of r2, of which a refund took half.
    """
    books = Books()
    books.post([an_accrual("ann", 50, ref="r0", pending_days=5, expires=NOON + 9 * DAY)])
    books.post([a_refund("ann", 2_000, of="r0", ref="b0")])
    books.mature(NOON + 5 * DAY)
    books.spend(10, time=NOON + 5 * DAY)
    books.post([a_refund("ann", 3_000, of="r0", ref="b1", at=NOON + 6 * DAY)])
    books.post([an_accrual("ann", 30, ref="r1", expires=NOON + 9 * DAY)])
    books.mature(NOON + 9 * DAY)
    books.post([an_accrual("ann", 40, ref="r2")])
    books.post([a_refund("ann", 2_000, of="r2", ref="b2", at=NOON + 10 * DAY)])
    return Stored.of(books)


def test_a_ledger_of_every_kind_has_no_fault() -> None:
    stored = a_ledger_of_every_kind()

    assert stored.faults() == []
    assert [each.transaction.kind for each in stored.transactions] == [
        "accrual",
        "reversal",
        "activation",
        "redemption",
        "reversal",
        "accrual",
        "expiration",
        "accrual",
        "reversal",
    ]


def earns(stored: Stored) -> None:
    stored.sign("reversal", earnings=stored.transactions[0].transaction.earnings)


ELSEWHERE = (Allocation("lot_elsewhere", 20),)
FAULTS: list[tuple[str, str, Callable[[Stored], object]]] = [
    ("another lot drawn on", "LOT", lambda s: s.sign_entry("reversal", 2, allocations=ELSEWHERE)),
    ("more drawn than is taken", "LOT", lambda s: s.sign_entry("reversal", 2, points=-19)),
    ("nothing drawn", "ARREARS", lambda s: s.sign_entry("reversal", 2, allocations=())),
    ("a spending into arrears", "ARREARS", lambda s: s.sign_entry("redemption", allocations=())),
    ("unpaid arrears", "ARREARS", lambda s: s.sign_entry("accrual", 1, gives=False, allocations=())),
    ("arrears forgotten", "ARREARS", lambda s: s.account("ann", arrears=5)),
    ("arrears of what is pending", "ARREARS", lambda s: s.account("pending", arrears=5)),
    ("what was drawn put back", "LOT", lambda s: s.lot(3, remaining=40)),
    ("a lot that pays nobody's arrears", "LOT", lambda s: s.lot(2, remaining=10)),
    ("a pending lot made active", "LOT", lambda s: s.lot(0, signed=True, pending=False)),
    ("a lot of another accrual", "LOT_DIGEST", lambda s: s.lot(1, origin_transaction_id="txn_x")),
    ("a lot of the program", "LOT", lambda s: s.sign_entry("reversal", gives=False, lot_id="lot_x")),
    ("more taken back than came", "OVERDRAFT", lambda s: s.account("reversed", balance=-1)),
    ("more expired than came", "OVERDRAFT", lambda s: s.account("expired", balance=-1)),
    ("a refund forgotten", "REVERSAL", lambda s: s.transactions.pop(s.place("reversal"))),
    ("a reversal out of order", "REVERSAL", lambda s: s.sign_reversal(1, seq=3)),
    ("another amount refunded", "REVERSAL", lambda s: s.sign_reversal(0, amount_minor=2_100)),
    ("another sum of refunds", "REVERSAL", lambda s: s.sign_reversal(0, refunded_minor=2_100)),
    ("more said to be taken back", "REVERSAL", lambda s: s.sign_reversal(0, reversed_points=21)),
    ("more said to be written off", "REVERSAL", lambda s: s.sign_reversal(0, written_off_points=1)),
    ("more said to have expired", "REVERSAL", lambda s: s.sign_reversal(0, expired_points=1)),
    ("a reversal that says of no refund", "REVERSAL", lambda s: s.sign("reversal", reversal=None)),
    ("an accrual that takes back", "ORIGINAL", lambda s: s.sign("accrual", original_transaction_id="txn_x")),
    ("a reversal of nothing", "ORIGINAL", lambda s: s.sign("reversal", original_transaction_id="")),
    ("a reversal of a reversal", "ORIGINAL", lambda s: s.sign("accrual", kind="reversal")),
    ("an expiration of another purchase", "ORIGINAL", lambda s: s.sign("expiration", external_ref="r0")),
    ("another kind", "TRANSACTION_ENTRIES", lambda s: s.sign("reversal", kind="expiration")),
    ("a kind that there is not", "TRANSACTION_ENTRIES", lambda s: s.sign("expiration", kind="gift")),
    ("a reversal that earns", "EARNINGS", earns),
    ("an expiration before its time", "EXPIRY", lambda s: s.sign("expiration", occurred_time=NOON)),
    ("an activation before its time", "EXPIRY", lambda s: s.sign("activation", occurred_time=NOON)),
    ("an expired lot drawn on", "EXPIRY", lambda s: s.lot(3, signed=True, expire_time=NOON + 10 * DAY)),
]


@pytest.mark.parametrize(
    ("code", "plant"), [fault[1:] for fault in FAULTS], ids=[f"{fault[0]}: {fault[1]}" for fault in FAULTS]
)
def test_a_planted_fault_is_found_by_its_code(code: str, plant: Callable[[Stored], object]) -> None:
    stored = a_ledger_of_every_kind()

    plant(stored)

    assert code in stored.codes()
