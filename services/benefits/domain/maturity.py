"""Maturity: pending points become active at their time, and points that nobody spent in time expire."""

from collections.abc import Iterable
from datetime import datetime

from services.benefits.domain.ledger import EXPIRED, LOT, Allocation, Lot, Transaction
from services.benefits.domain.posting import Posting


def due_time(lot: Lot) -> datetime | None:
    """When the next thing happens to what is left of a lot, if anything does."""
    return lot.active_time if lot.pending else lot.expire_time


def before_they_expire(lots: Iterable[Lot]) -> list[tuple[Lot, datetime]]:
    """Of lots in the order in which they are due, those that are so before one of them is due again."""
    found, end = [], None
    for lot in lots:
        time = due_time(lot)
        if time is None or (end is not None and time > end):
            break
        found.append((lot, time))
        if lot.pending and lot.expire_time is not None:
            end = lot.expire_time if end is None else min(end, lot.expire_time)
    return found


def mature(posting: Posting, lot: Lot, origin: Transaction) -> None:
    """Do what is due with a lot: activate it or let it expire; `origin` is where it comes from.

    It happened when it was due, however late it is posted, and bears the
    accrual's business key, or the lot's own where no accrual made it. Under
    that key it can be posted once.
    """
    if lot.pending:
        _activate(posting, lot, origin)
    else:
        _expire(posting, lot, origin)


def _activate(posting: Posting, lot: Lot, origin: Transaction) -> None:
    transaction = _begin(posting, "activation", lot, origin, lot.active_time)
    posting.take(transaction, posting.pending(lot.member_id), [Allocation(lot.lot_id, lot.remaining)])
    account = posting.account(lot.member_id)
    active = Lot(
        lot_id=posting.new_id("lot"),
        program_id=lot.program_id,
        member_id=lot.member_id,
        account_id=account.account_id,
        transaction_id=transaction.transaction_id,
        origin_transaction_id=lot.origin_transaction_id,
        pending=False,
        earned=lot.remaining,
        remaining=lot.remaining,
        active_time=lot.active_time,
        expire_time=lot.expire_time,
    )
    posting.put(transaction, account, active)


def _expire(posting: Posting, lot: Lot, origin: Transaction) -> None:
    assert lot.expire_time is not None, "what never expires is never due"
    transaction = _begin(posting, "expiration", lot, origin, lot.expire_time)
    posting.take(transaction, posting.account(lot.member_id), [Allocation(lot.lot_id, lot.remaining)])
    posting.move(transaction, posting.system(EXPIRED), lot.remaining)


def _begin(posting: Posting, kind: str, lot: Lot, origin: Transaction, at: datetime) -> Transaction:
    source, external_ref, line = origin.key if origin.kind == "accrual" else (LOT, lot.lot_id, 0)
    return posting.begin(
        kind,
        source=source,
        external_ref=external_ref,
        line=line,
        occurred_time=at,
        points=lot.remaining,
        event_kind=origin.event_kind,
        original_transaction_id=origin.transaction_id,
    )
