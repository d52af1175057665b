"""Whatever happens to points in whatever order, the ledger says what a plain model of single lots says."""

from dataclasses import dataclass, field
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.benefits.domain import causes
from tests.benefits.domain.builders import REDEMPTION, Books, a_refund, an_accrual
from tests.benefits.domain.stored import Stored
from tests.support.builders import DAY, NOON

ANN = "music_store/ann/points"


@dataclass
class PlainLot:
    """Points of one purchase; days count from the beginning."""

    ref: str
    amount: int
    active_day: int
    expire_day: int
    left: int
    pending: bool
    refunded: int = 0
    reversed: int = 0
    expired: int = 0

    @property
    def due(self) -> int:
        """What refunds so far take back in all."""
        return self.amount // 100 - (self.amount - self.refunded) // 100


@dataclass
class Plain:
    """The model: lots in a list, and one number each for what was spent, expired, taken back and is owed."""

    owes: bool
    day: int = 0
    lots: list[PlainLot] = field(default_factory=list)
    spent: int = 0
    expired: int = 0
    reversed: int = 0
    owed: int = 0
    written_off: int = 0

    def buy(self, ref: str, amount: int, wait: int, lasts: int) -> None:
        lot = PlainLot(ref, amount, self.day + wait, self.day + lasts, amount // 100, wait > 0)
        self.lots.append(lot)
        if not lot.pending:
            self.pay(lot)

    def pay(self, lot: PlainLot) -> None:
        paid = min(self.owed, lot.left)
        lot.left -= paid
        self.owed -= paid

    def draw(self, lots: list[PlainLot], points: int) -> int:
        drawn = 0
        for lot in lots:
            taken = min(lot.left, points - drawn)
            lot.left -= taken
            drawn += taken
        return drawn

    def in_order(self, but: PlainLot | None = None) -> list[PlainLot]:
        usable = [
            lot for lot in self.lots if not lot.pending and lot is not but and self.day < lot.expire_day
        ]
        return sorted(usable, key=lambda lot: lot.expire_day)

    def spend(self, points: int) -> None:
        self.spent += self.draw(self.in_order(), points)

    def refund(self, lot: PlainLot, amount: int) -> None:
        lot.refunded += amount
        short = lot.due - lot.reversed
        lot.reversed = lot.due
        taken = self.draw([lot], short)
        gone = min(short - taken, lot.expired)
        lot.expired -= gone
        taken += self.draw(self.in_order(but=lot), short - taken - gone)
        short -= taken + gone
        self.owed += short if self.owes else 0
        self.written_off += gone if self.owes else gone + short
        self.reversed += taken + (short if self.owes else 0)

    def pass_days(self, days: int) -> None:
        for _ in range(days):
            self.day += 1
            for lot in self.lots:
                if lot.pending and lot.active_day == self.day:
                    lot.pending = False
                    self.pay(lot)
            for lot in self.lots:
                if not lot.pending and lot.expire_day == self.day:
                    self.expired += lot.left
                    lot.expired, lot.left = lot.left, 0


# (what, an amount or number, and two more numbers that each reads as it likes)
steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "refund", "refund", "spend", "days"]),
        st.integers(0, 5_000),
        st.integers(0, 3),
        st.integers(4, 12),
    ),
    max_size=30,
)


def at(day: int) -> datetime:
    return NOON + day * DAY


def played(steps: list[tuple[str, int, int, int]], *, owes: bool, swept: bool) -> tuple[Books, Plain]:
    """Both after the same steps; without `swept` nothing falls due in the books before the end."""
    books, plain = Books(), Plain(owes)
    for place, (what, number, few, some) in enumerate(steps):
        ref, now = f"r{place}", at(plain.day)
        if what == "buy":
            wait, lasts = (few, some) if swept else (0, some)
            books.post(
                [
                    an_accrual(
                        "ann",
                        number // 100,
                        ref=ref,
                        at=now,
                        pending_days=wait,
                        expires=at(plain.day + lasts),
                    )
                ],
                time=now,
            )
            plain.buy(ref, number // 100 * 100, wait, lasts)
        elif what == "refund" and plain.lots:
            lot = plain.lots[number % len(plain.lots)]
            amount = (lot.amount - lot.refunded) * few // 3
            books.post([a_refund("ann", amount, of=lot.ref, ref=ref, at=now)], owes=owes)
            plain.refund(lot, amount)
        elif what == "spend":
            books.spend(number // 100, time=now)
            plain.spend(number // 100)
        elif what == "days":
            plain.pass_days(some)
            if swept:
                books.mature(at(plain.day))
    books.mature(at(plain.day))
    return books, plain


def balance(books: Books, account_id: str) -> int:
    return books.accounts[account_id].balance if account_id in books.accounts else 0


@pytest.mark.parametrize("owes", [True, False], ids=["owes", "forgives"])
@pytest.mark.parametrize("swept", [True, False], ids=["in time", "late"])
@settings(max_examples=150)
@given(steps=steps)
def test_the_ledger_says_what_a_plain_model_says(
    steps: list[tuple[str, int, int, int]], owes: bool, swept: bool
) -> None:
    books, plain = played(steps, owes=owes, swept=swept)

    active = sum(lot.left for lot in plain.lots if not lot.pending)
    pending = sum(lot.left for lot in plain.lots if lot.pending)
    assert balance(books, ANN) == active - plain.owed
    assert balance(books, f"{ANN}/pending") == pending
    assert balance(books, "music_store/reversed/points/00") == plain.reversed
    assert balance(books, "music_store/expired/points/00") == plain.expired + plain.spent
    reversals = [each.reversal for each in books.transactions if each.reversal]
    assert sum(each.written_off_points for each in reversals) == plain.written_off
    assert sum(each.balance for each in books.accounts.values()) == 0


@settings(max_examples=150)
@given(steps=steps, owes=st.booleans(), swept=st.booleans())
def test_verification_finds_no_fault_in_what_was_posted(
    steps: list[tuple[str, int, int, int]], owes: bool, swept: bool
) -> None:
    books, _ = played(steps, owes=owes, swept=swept)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(causes.FLOWS, REDEMPTION, causes.FLOWS["expiration"])
        assert Stored.of(books).faults() == []


@given(steps=steps, owes=st.booleans())
def test_nobody_owes_while_they_hold_points_that_may_be_spent(
    steps: list[tuple[str, int, int, int]], owes: bool
) -> None:
    books, plain = played(steps, owes=owes, swept=True)

    usable = [lot for lot in books.lots if not lot.pending and lot.usable(at(plain.day))]
    owed = sum(account.arrears for account in books.accounts.values())
    assert not (owed and usable)
    assert owes or not owed
