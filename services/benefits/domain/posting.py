"""The ledger core: how points come into accounts as lots, and are drawn from them again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from services.benefits.domain.ledger import (
    Account,
    Allocation,
    Entry,
    Lot,
    Transaction,
    held_account,
    member_account,
    pending_account,
    system_account,
)

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Posting:
    """What one transaction of the database posts for a partition, over what there was before.

    It begins with the accounts and lots that are met, as stored; accounts that
    are not among them begin empty. `kinds` are those of the transactions by id.
    """

    program_id: str
    currency: str
    stripe: int
    now: datetime
    new_id: Callable[[str], str]
    accounts: dict[str, Account] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    drawn: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)

    def account(self, member_id: str) -> Account:
        """What a member may spend."""
        return self._current(member_account(self.program_id, member_id, self.currency))

    def pending(self, member_id: str) -> Account:
        """What a member may not spend yet."""
        return self._current(pending_account(self.program_id, member_id, self.currency))

    def held(self, member_id: str) -> Account:
        """What holds have set aside of a member's points."""
        return self._current(held_account(self.program_id, member_id, self.currency))

    def system(self, purpose: str) -> Account:
        """An account of the program."""
        return self._current(system_account(purpose, self.program_id, self.currency, self.stripe))

    def _current(self, fresh: Account) -> Account:
        return self.accounts.get(fresh.account_id, fresh)

    def begin(self, kind: str, *, points: int, **fields: Any) -> Transaction:
        """A new transaction."""
        transaction = Transaction(
            transaction_id=self.new_id("txn"),
            program_id=self.program_id,
            kind=kind,
            recorded_time=self.now,
            points=points,
            currency=self.currency,
            **fields,
        )
        self.transactions.append(transaction)
        self.kinds[transaction.transaction_id] = kind
        return transaction

    def move(
        self,
        transaction: Transaction,
        account: Account,
        points: int,
        *,
        lot_id: str = "",
        allocations: tuple[Allocation, ...] = (),
    ) -> None:
        """The next entry of an account."""
        after = replace(account, balance=account.balance + points, seq=account.seq + 1)
        self.accounts[account.account_id] = after
        self.entries.append(
            Entry(
                entry_id=self.new_id("ent"),
                program_id=self.program_id,
                transaction_id=transaction.transaction_id,
                account_id=account.account_id,
                seq=after.seq,
                points=points,
                balance_after=after.balance,
                lot_id=lot_id,
                allocations=allocations,
            )
        )

    def put(self, transaction: Transaction, account: Account, lot: Lot) -> None:
        """Bring a new lot into an account; what the account is in arrears with is paid from it first."""
        paid = min(account.arrears, lot.earned)
        self.lots[lot.lot_id] = replace(lot, remaining=lot.earned - paid)
        self.made.add(lot.lot_id)
        allocations = (Allocation(lot.lot_id, paid),) if paid else ()
        account = replace(account, arrears=account.arrears - paid)
        self.move(transaction, account, lot.earned, lot_id=lot.lot_id, allocations=allocations)

    def bring(
        self,
        transaction: Transaction,
        member_id: str,
        points: int,
        *,
        active_time: datetime,
        expire_time: datetime | None,
    ) -> None:
        """Bring points to what a member may spend, in a lot that comes from this transaction itself."""
        account = self.account(member_id)
        lot = Lot(
            lot_id=self.new_id("lot"),
            program_id=self.program_id,
            member_id=member_id,
            account_id=account.account_id,
            transaction_id=transaction.transaction_id,
            origin_transaction_id=transaction.transaction_id,
            pending=False,
            earned=points,
            remaining=points,
            active_time=active_time,
            expire_time=expire_time,
        )
        self.put(transaction, account, lot)

    def take(
        self, transaction: Transaction, account: Account, drawn: Sequence[Allocation], *, owed: int = 0
    ) -> None:
        """Draw on lots of an account, and beyond them into arrears."""
        for each in drawn:
            lot = self.lots[each.lot_id]
            self.lots[each.lot_id] = replace(lot, remaining=lot.remaining - each.points)
            self.drawn.add(each.lot_id)
        account = replace(account, arrears=account.arrears + owed)
        points = sum(each.points for each in drawn) + owed
        self.move(transaction, account, -points, allocations=tuple(drawn))

    def restore(self, transaction: Transaction, account: Account, drawn: Sequence[Allocation]) -> None:
        """Give back to lots of an account what was drawn on them; what it is in arrears with is paid first.

        The lots come in the order in which they are drawn on, so the first ones pay.
        """
        points = total(drawn)
        paid = min(account.arrears, points)
        given = part(drawn, paid, points)
        for each in given:
            lot = self.lots[each.lot_id]
            self.lots[each.lot_id] = replace(lot, remaining=lot.remaining + each.points)
            self.drawn.add(each.lot_id)
        account = replace(account, arrears=account.arrears - paid)
        allocations = tuple(Allocation(each.lot_id, -each.points) for each in given)
        self.move(transaction, account, points, allocations=allocations)

    def new_lots(self) -> list[Lot]:
        """The lots that came into being."""
        return [lot for lot_id, lot in self.lots.items() if lot_id in self.made]

    def drawn_lots(self) -> list[Lot]:
        """The lots of before that were drawn on, or given back to."""
        return [self.lots[lot_id] for lot_id in sorted(self.drawn - self.made)]

    def moved_accounts(self) -> list[Account]:
        """The accounts that have new entries."""
        return [self.accounts[account_id] for account_id in sorted({e.account_id for e in self.entries})]


def allocated(lots: Iterable[Lot], points: int) -> list[Allocation]:
    """Draw so many points on lots in their order, as far as they go."""
    drawn = []
    for lot in lots:
        if points <= 0:
            break
        drawn.append(Allocation(lot.lot_id, min(points, lot.remaining)))
        points -= drawn[-1].points
    return drawn


def total(drawn: Iterable[Allocation]) -> int:
    """What was drawn in all."""
    return sum(each.points for each in drawn)


def part(drawn: Iterable[Allocation], start: int, stop: int) -> list[Allocation]:
    """Of what was drawn, in order, the points from one place to before another."""
    found, place = [], 0
    for each in drawn:
        points = min(stop, place + each.points) - max(start, place)
        if points > 0:
            found.append(Allocation(each.lot_id, points))
        place += each.points
    return found


def soonest_to_expire(lots: Iterable[Lot]) -> list[Lot]:
    """In the order in which lots are drawn on; the older first where they expire together or never."""
    return sorted(lots, key=lambda lot: (lot.expire_time or _NEVER, lot.lot_id))
