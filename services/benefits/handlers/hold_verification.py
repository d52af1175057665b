"""The part of verification that goes through the holds, each beside its transactions."""

from collections.abc import AsyncIterator, Sequence

from services.benefits.domain.hold_checks import HoldCheck
from services.benefits.domain.holds import Hold
from services.benefits.domain.ledger import Transaction
from services.benefits.domain.verification import Fault
from services.benefits.repository import books, holds, ledger
from services.benefits.repository.books import Unreadable
from services.benefits.repository.store import BenefitsStore

HOLDS_AT_ONCE = 500

Followed = tuple[Hold, list[Transaction]]


async def hold_faults(
    store: BenefitsStore, program_id: str, unreadable: Unreadable
) -> AsyncIterator[list[Fault]]:
    """What is broken about holds, so many at a time."""
    page: list[Followed] = []
    transactions = books.every_transaction_by_hold(store, program_id)
    ahead = await anext(transactions, None)
    async for held in holds.every(store, program_id, unreadable):
        orphans: list[Transaction] = []
        own: list[Transaction] = []
        while ahead is not None and ahead.hold_id <= held.hold_id:
            (own if ahead.hold_id == held.hold_id else orphans).append(ahead)
            ahead = await anext(transactions, None)
        page.append((held, own))
        if orphans or len(page) == HOLDS_AT_ONCE:
            yield [*map(_without_hold, orphans), *await _faults(store, page)]
            page = []
    yield await _faults(store, page)
    if ahead is not None:
        yield [_without_hold(ahead), *[_without_hold(each) async for each in transactions]]


async def _faults(store: BenefitsStore, page: Sequence[Followed]) -> list[Fault]:
    entries = await ledger.entries_of(store, (each.transaction_id for _, own in page for each in own))
    found: list[Fault] = []
    for held, own in page:
        check = HoldCheck(held)
        for transaction in own:
            found += check.follow(transaction, entries.get(transaction.transaction_id, []))
        found += check.faults()
    return found


def _without_hold(orphan: Transaction) -> Fault:
    return Fault("HOLD", orphan.transaction_id, "the hold that it is of does not exist")
