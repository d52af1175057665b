"""Verification of what is held, spent, given back, passed on and adjusted: each planted fault is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.benefits.domain.holds import HoldState
from services.benefits.domain.ledger import Allocation
from tests.benefits.domain.builders import Books, an_accrual
from tests.benefits.domain.stored import Stored
from tests.support.builders import DAY, NOON

OPEN, CAPTURED, EXPIRED, REDEEMED = "open", "captured", "expired", "redeemed"
SOON = NOON + timedelta(seconds=3)


def a_ledger_of_holds() -> tuple[Stored, dict[str, str]]:
    """Ann's holds, one open and one expired, a captured one, and points spent at once; ids by what they are.

    Of the captured ones 5 came back to a lot that is there, and of those spent 10 to one that had ended.
    20 points were passed on to Bob, 7 given and 3 taken by the staff.
    """
    books = Books()
    books.post([an_accrual("ann", 100, ref="r0"), an_accrual("ann", 20, ref="r1", expires=NOON + DAY)])
    redeemed = books.redeem(25)
    open_hold = books.hold(10)
    captured = books.hold(20, expires_time=NOON + DAY)
    expired = books.hold(15, expires_time=SOON)
    captured = books.give_back(books.capture(captured, 15), 5)
    books.release(expired)
    books.mature(NOON + 2 * DAY)
    books.give_back(redeemed, 10, time=NOON + 2 * DAY)
    books.transfer(20, "ann", "bob")
    books.adjust(7)
    books.adjust(-3)
    ids = {OPEN: open_hold, CAPTURED: captured, EXPIRED: expired, REDEEMED: redeemed}
    return Stored.of(books), {name: each.hold_id for name, each in ids.items()}


def test_a_ledger_of_holds_has_no_fault() -> None:
    stored, ids = a_ledger_of_holds()

    assert stored.faults() == []
    assert [stored.holds[ids[name]].state for name in (OPEN, CAPTURED, EXPIRED, REDEEMED)] == [
        HoldState.OPEN,
        HoldState.CAPTURED,
        HoldState.EXPIRED,
        HoldState.CAPTURED,
    ]
    assert {each.transaction.kind for each in stored.transactions} == {
        "accrual",
        "hold",
        "capture",
        "release",
        "redemption",
        "return",
        "transfer",
        "adjustment",
    }


Plant = Callable[[Stored, dict[str, str]], object]


def hold(name: str, **fields: object) -> Plant:
    """Change what a hold says of itself."""

    def plant(stored: Stored, ids: dict[str, str]) -> None:
        held = stored.holds[ids[name]]
        stored.holds[ids[name]] = replace(held, **fields)  # type: ignore[arg-type]

    return plant


def charge(name: str, **fields: object) -> Plant:
    """Change what a hold says that it is for."""

    def plant(stored: Stored, ids: dict[str, str]) -> None:
        held = stored.holds[ids[name]]
        changed = replace(held.charge, **fields)  # type: ignore[arg-type]
        stored.holds[ids[name]] = replace(held, charge=changed)

    return plant


def signed(which: str, nth: int = 0, /, **fields: object) -> Plant:
    """Change a transaction, as one who can sign would."""
    return lambda stored, _: stored.sign(which, nth, **fields)


def entry(kind: str, nth: int = 0, *, gives: bool = True, **fields: object) -> Plant:
    """Change an entry of a transaction, as one who can sign would."""
    return lambda stored, _: stored.sign_entry(kind, nth, gives=gives, **fields)


def gone(kind: str, nth: int = 0) -> Plant:
    """Take a transaction out, with its entries."""

    def plant(stored: Stored, ids: dict[str, str]) -> None:
        transaction_id = stored.transactions.pop(stored.place(kind, nth)).transaction.transaction_id
        stored.entries = [each for each in stored.entries if each.entry.transaction_id != transaction_id]

    return plant


ELSEWHERE = (Allocation("lot_elsewhere", 10),)
FAULTS: list[tuple[str, str, Plant]] = [
    ("an open hold forgotten", "HELD", lambda stored, ids: stored.holds.pop(ids[OPEN])),
    ("a hold that was never made", "HOLD", gone("hold")),
    ("a hold opened again", "HELD", hold(EXPIRED, state=HoldState.OPEN)),
    ("a hold opened again, which was resolved", "HOLD", hold(EXPIRED, state=HoldState.OPEN)),
    ("an open hold called released", "HOLD", hold(OPEN, state=HoldState.RELEASED)),
    ("more said to be captured", "HOLD", hold(CAPTURED, captured=16)),
    ("more said to be given back", "HOLD", hold(CAPTURED, returned=6)),
    ("less said to be given back", "HOLD", hold(REDEEMED, returned=9)),
    ("more given back than was captured", "HOLD", hold(CAPTURED, captured=4, returned=5)),
    ("more said to be held", "HOLD", charge(CAPTURED, points=21)),
    ("held for something else", "HOLD", charge(CAPTURED, external_ref="another")),
    ("drawn on other lots", "HOLD", hold(CAPTURED, drawn=ELSEWHERE)),
    ("a capture forgotten", "HOLD", gone("capture")),
    ("a release forgotten", "HOLD", gone("release", 1)),
    ("a return forgotten", "HOLD", gone("return")),
    ("a capture past the end", "HOLD", hold(CAPTURED, expires_time=NOON)),
    ("expired before its end", "HOLD", hold(EXPIRED, expires_time=NOON + 9 * DAY)),
    ("a capture of no hold", "HOLD", signed("capture", hold_id="")),
    ("a transfer of a hold", "HOLD", signed("transfer", hold_id="hld_x")),
    ("held points that come from nowhere", "OVERDRAFT", lambda stored, _: stored.account("held", balance=-1)),
    ("spent points that never came", "OVERDRAFT", lambda stored, _: stored.account("spent", balance=-1)),
    ("more on the held account", "HELD", lambda stored, _: stored.account("held", balance=11)),
    ("arrears of what is held", "ARREARS", lambda stored, _: stored.account("held", arrears=1)),
    ("lots of what is held", "LOT", entry("hold", gives=False, lot_id="lot_x")),
    ("less given back to a lot", "LOT", entry("release", 1, gives=False, allocations=())),
    (
        "given back to another lot",
        "LOT",
        entry("release", 1, gives=False, allocations=(Allocation("x", -15),)),
    ),
    ("a lot drawn on while it is given back", "LOT", entry("release", gives=False, allocations=ELSEWHERE)),
    ("a transfer that gives back", "LOT", entry("transfer", gives=False, lot_id="")),
    ("a hold into arrears", "ARREARS", entry("hold", allocations=())),
    ("a transfer into arrears", "ARREARS", entry("transfer", allocations=())),
    ("a capture that gives back", "TRANSACTION_ENTRIES", signed("capture", kind="release")),
    ("a hold that spends", "TRANSACTION_ENTRIES", signed("hold", kind="redemption")),
    (
        "an adjustment from who has to whom is owed",
        "TRANSACTION_ENTRIES",
        signed("transfer", kind="adjustment"),
    ),
    ("a return that names an accrual", "ORIGINAL", signed("return", original_transaction_id="txn_x")),
    (
        "a return that earns",
        "EARNINGS",
        lambda s, _: s.sign("return", earnings=s.transactions[0].transaction.earnings),
    ),
    ("a hold on a lot that had ended", "EXPIRY", signed("redemption", occurred_time=NOON + 9 * DAY)),
    ("a return to a lot that had ended", "EXPIRY", lambda s, _: s.lot(0, signed=True, expire_time=NOON)),
]


@pytest.mark.parametrize(
    ("code", "plant"), [fault[1:] for fault in FAULTS], ids=[f"{fault[0]}: {fault[1]}" for fault in FAULTS]
)
def test_a_planted_fault_is_found_by_its_code(code: str, plant: Plant) -> None:
    stored, ids = a_ledger_of_holds()

    plant(stored, ids)

    assert code in stored.codes()


def test_points_of_two_members_move_in_a_transfer_alone() -> None:
    stored, _ = a_ledger_of_holds()

    stored.sign_entry("hold", account_id="music_store/bob/points")

    details = [fault.detail for fault in stored.faults() if fault.code == "TRANSACTION_ENTRIES"]
    assert any("ann" in detail and "bob" in detail for detail in details)


def test_what_expires_of_a_lot_that_no_purchase_gave_bears_the_lots_key() -> None:
    books = Books()
    books.adjust(20, expires=NOON + DAY)
    books.mature(NOON + DAY)
    stored = Stored.of(books)

    assert stored.faults() == []
    stored.sign("expiration", source="shop")

    assert "ORIGINAL" in stored.codes()
