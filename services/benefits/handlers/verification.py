"""The use case that proves the books: every account and transaction, as of one moment."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from libs.common import mongo
from services.benefits.domain.causes import PurchaseCheck, draw_faults, transaction_faults
from services.benefits.domain.ledger import Entry, Transaction
from services.benefits.domain.points_report import Conservation
from services.benefits.domain.reversals import Purchase
from services.benefits.domain.verification import AccountCheck, Fault, StoredEntry, StoredLot
from services.benefits.handlers.hold_verification import hold_faults
from services.benefits.repository import books, holds, ledger
from services.benefits.repository.store import BenefitsStore

FAULTS_TOLD = 100
PROGRESS_EVERY = 1_000
DRAWS_AT_ONCE = 500

T = TypeVar("T")


@dataclass(slots=True)
class Verified:
    """How far verification is, and what it found."""

    entries_total: int
    accounts: int = 0
    entries: int = 0
    transactions: int = 0
    sum_points: int = 0
    broken: int = 0
    faults: list[Fault] = field(default_factory=list)
    done: bool = False

    def note(self, faults: Iterable[Fault]) -> None:
        """Count faults, and keep the first hundred."""
        for fault in faults:
            self.broken += 1
            if len(self.faults) < FAULTS_TOLD:
                self.faults.append(fault)

    def note_unreadable(self, record_id: str) -> None:
        """Count a record that cannot be read; what belongs to it is then found to lack it."""
        self.note([Fault("UNREADABLE", record_id, "fields are missing, or of another kind")])


class Belonging(Generic[T]):
    """Walks a stream that is sorted by owner beside the owners, which are sorted alike."""

    def __init__(self, items: AsyncIterator[T], owner: Callable[[T], str]) -> None:
        self._items, self._owner = items, owner
        self._ahead: T | None = None

    async def of(self, owner: str) -> AsyncIterator[T]:
        """The items of this owner; those of owners before it are passed over, so ask for orphans first."""
        while (item := await self._peek()) is not None and self._owner(item) <= owner:
            self._ahead = None
            if self._owner(item) == owner:
                yield item

    async def orphans_before(self, owner: str | None) -> AsyncIterator[T]:
        """The items of owners that come before this one; of all that are left when there is none."""
        while (item := await self._peek()) is not None and (owner is None or self._owner(item) < owner):
            self._ahead = None
            yield item

    async def _peek(self) -> T | None:
        if self._ahead is None:
            self._ahead = await anext(self._items, None)
        return self._ahead


class VerificationHandlers:
    """Reads the whole ledger in one snapshot and recomputes it."""

    def __init__(self, store: BenefitsStore) -> None:
        self._store = store

    async def conservation(self) -> dict[str, Conservation]:
        """Where each program's points are at one moment: all that were issued, or the books are wrong."""
        async with mongo.snapshot(self._store.database.client) as session:
            found = await books.balances(BenefitsStore(self._store.database, session))
        return {program_id: Conservation.of(balances) for program_id, balances in found.items()}

    async def verify(self, program_id: str) -> AsyncIterator[Verified]:
        """Progress now and then, and at last the result; of all programs if none is named."""
        async with mongo.snapshot(self._store.database.client) as session:
            store = BenefitsStore(self._store.database, session)
            verified = Verified(entries_total=await books.entry_count(store, program_id))
            async for _ in self._accounts(store, program_id, verified):
                yield verified
            async for _ in self._transactions(store, program_id, verified):
                yield verified
            async for faults in hold_faults(store, program_id, verified.note_unreadable):
                verified.note(faults)
                yield verified
            verified.note(map(_unchained, await books.unplaced(store, program_id, FAULTS_TOLD)))
        verified.done = True
        yield verified

    async def _accounts(
        self, store: BenefitsStore, program_id: str, verified: Verified
    ) -> AsyncIterator[None]:
        entries = Belonging(
            books.every_entry_by_account(store, program_id, verified.note_unreadable),
            lambda each: each.entry.account_id,
        )
        lots = Belonging(
            books.every_lot(store, program_id, verified.note_unreadable), lambda each: each.lot.account_id
        )
        held = Belonging(holds.every_open(store, program_id), lambda each: each[0])
        async for account in books.every_account(store, program_id, verified.note_unreadable):
            verified.note(
                [_without_account(each) async for each in entries.orphans_before(account.account_id)]
            )
            verified.note([_hold_orphan(*each) async for each in held.orphans_before(account.account_id)])
            check = AccountCheck(account, sum([points async for _, points in held.of(account.account_id)]))
            async for stored in entries.of(account.account_id):
                verified.note(check.entry_faults(stored))
            verified.note([_lot_orphan(orphan) async for orphan in lots.orphans_before(account.account_id)])
            verified.note(check.faults([lot async for lot in lots.of(account.account_id)]))
            verified.accounts, verified.entries = verified.accounts + 1, verified.entries + check.count
            verified.sum_points += account.balance
            if verified.accounts % PROGRESS_EVERY == 0:
                yield
        verified.note([_without_account(each) async for each in entries.orphans_before(None)])
        verified.note([_lot_orphan(orphan) async for orphan in lots.orphans_before(None)])
        verified.note([_hold_orphan(*orphan) async for orphan in held.orphans_before(None)])
        if verified.sum_points:
            verified.note([Fault("SUM", program_id, f"all balances sum to {verified.sum_points}")])

    async def _transactions(
        self, store: BenefitsStore, program_id: str, verified: Verified
    ) -> AsyncIterator[None]:
        entries = Belonging(
            books.every_entry_by_transaction(store, program_id), lambda each: each.transaction_id
        )
        following = Belonging(
            books.every_following(store, program_id), lambda each: each.original_transaction_id
        )
        draws = Draws(store)
        async for stored in books.every_transaction(store, program_id, verified.note_unreadable):
            transaction_id = stored.transaction.transaction_id
            verified.note(
                [_without_transaction(each) async for each in entries.orphans_before(transaction_id)]
            )
            own = [entry async for entry in entries.of(transaction_id)]
            verified.note(transaction_faults(stored, own))
            verified.note(await draws.add(stored.transaction, own))
            verified.note(
                [_without_original(each) async for each in following.orphans_before(transaction_id)]
            )
            check = PurchaseCheck(Purchase(stored.transaction))
            async for each in following.of(transaction_id):
                verified.note(check.faults(each))
            verified.transactions += 1
            if verified.transactions % PROGRESS_EVERY == 0:
                yield
        verified.note(await draws.faults())
        verified.note([_without_transaction(each) async for each in entries.orphans_before(None)])
        verified.note([_without_original(each) async for each in following.orphans_before(None)])


class Draws:
    """Collects entries that draw on lots, and checks so many at once against the times of these lots."""

    def __init__(self, store: BenefitsStore) -> None:
        self._store = store
        self._drawn: list[tuple[Transaction, Entry]] = []

    async def add(self, transaction: Transaction, entries: Iterable[Entry]) -> list[Fault]:
        """Check these at some time; gives the faults that were found meanwhile."""
        self._drawn += [(transaction, entry) for entry in entries if entry.allocations]
        return await self.faults() if len(self._drawn) >= DRAWS_AT_ONCE else []

    async def faults(self) -> list[Fault]:
        """The faults of all that were added and not checked yet."""
        drawn, self._drawn = self._drawn, []
        lots = await ledger.lots(
            self._store, (each.lot_id for _, entry in drawn for each in entry.allocations)
        )
        return [fault for each in drawn for fault in draw_faults(*each, lots)]


def _lot_orphan(orphan: StoredLot) -> Fault:
    return Fault("ACCOUNT_MISSING", orphan.lot.lot_id, "the lot's account does not exist")


def _hold_orphan(account_id: str, points: int) -> Fault:
    return Fault("HELD", account_id, f"{points} points are held in an account that does not exist")


def _unchained(entry_id: str) -> Fault:
    return Fault("UNCHAINED", entry_id, "the entry has no place in the chain and does not wait for one")


def _without_account(orphan: StoredEntry) -> Fault:
    return Fault("ACCOUNT_MISSING", orphan.entry.entry_id, "the entry's account does not exist")


def _without_transaction(orphan: Entry) -> Fault:
    return Fault("TRANSACTION_MISSING", orphan.entry_id, "the entry's transaction does not exist")


def _without_original(orphan: Transaction) -> Fault:
    return Fault("ORIGINAL", orphan.transaction_id, "the accrual that it goes back to does not exist")
