"""Verification of transactions: whether each moves what its cause says, and takes back what is due."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.benefits.domain.ledger import (
    EXPIRED,
    ISSUER,
    PENDING,
    REVERSED,
    SYSTEM,
    Entry,
    Lot,
    Transaction,
    purpose_of,
)
from services.benefits.domain.reversals import Purchase
from services.benefits.domain.verification import Fault, StoredTransaction

ACTIVE = ""
# From which accounts to which the points of each kind go.
FLOWS = {
    "accrual": ({ISSUER}, {ACTIVE, PENDING}),
    "activation": ({PENDING}, {ACTIVE}),
    "expiration": ({ACTIVE}, {EXPIRED}),
    "reversal": ({ACTIVE, PENDING}, {REVERSED}),
}


def transaction_faults(stored: StoredTransaction, entries: Sequence[Entry]) -> Iterator[Fault]:
    """What is broken about a transaction, given all its entries."""
    transaction = stored.transaction
    if transaction.digest() != stored.digest:
        yield Fault(
            "TRANSACTION_DIGEST", transaction.transaction_id, "the transaction is not what was signed"
        )
    summed = sum(entry.points for entry in entries)
    if summed:
        yield Fault("TRANSACTION_SUM", transaction.transaction_id, f"the entries sum to {summed}")
    gained = sum(entry.points for entry in entries if entry.points > 0)
    if gained != transaction.points or (transaction.points and len(entries) < 2):  # noqa: PLR2004 - a double entry
        yield Fault(
            "TRANSACTION_ENTRIES",
            transaction.transaction_id,
            f"{len(entries)} entries move {gained} of {transaction.points} points",
        )
    yield from _flow_faults(transaction, entries)
    yield from _cause_faults(transaction)


def _flow_faults(transaction: Transaction, entries: Sequence[Entry]) -> Iterator[Fault]:
    givers, takers = FLOWS.get(transaction.kind, (set[str](), set[str]()))
    for entry in entries:
        purpose = purpose_of(entry.account_id)
        if purpose not in (takers if entry.points > 0 else givers):
            way = "to" if entry.points > 0 else "from"
            detail = f"{transaction.kind} moves points {way} {entry.account_id}"
            yield Fault("TRANSACTION_ENTRIES", entry.entry_id, detail)
        drawn = sum(each.points for each in entry.allocations)
        if transaction.kind != "reversal" and purpose not in SYSTEM and drawn + entry.points < 0:
            yield Fault("ARREARS", entry.entry_id, f"{transaction.kind} goes into arrears")


def _cause_faults(transaction: Transaction) -> Iterator[Fault]:
    transaction_id, accrued = transaction.transaction_id, transaction.kind == "accrual"
    counted = sum(earning.points for earning in transaction.earnings)
    if counted != (transaction.points if accrued else 0):
        yield Fault("EARNINGS", transaction_id, f"the rules gave {counted} of {transaction.points}")
    if (transaction.reversal is not None) != (transaction.kind == "reversal"):
        yield Fault("REVERSAL", transaction_id, f"{transaction.kind} does not say what was refunded, or does")
    if bool(transaction.original_transaction_id) == accrued:
        yield Fault("ORIGINAL", transaction_id, f"{transaction.kind} names no accrual, or names one")


@dataclass(slots=True)
class PurchaseCheck:
    """Follows what goes back to one accrual: the reversals in their order, an activation, an expiration."""

    purchase: Purchase

    def faults(self, following: Transaction) -> Iterator[Fault]:
        """What is broken about the next transaction that goes back to the accrual."""
        transaction_id, accrual = following.transaction_id, self.purchase.accrual
        if accrual.kind != "accrual":
            yield Fault("ORIGINAL", transaction_id, f"goes back to a transaction of kind {accrual.kind}")
        elif following.reversal is not None:
            yield from self._reversal_faults(following)
        elif following.key != accrual.key or following.points > accrual.points:
            yield Fault("ORIGINAL", transaction_id, f"is not of {accrual.points} points of its accrual")

    def _reversal_faults(self, following: Transaction) -> Iterator[Fault]:
        before, after = self.purchase.latest, following.reversal
        assert after is not None
        due = self.purchase.due(after.refunded_minor)
        expired = after.expired_points - before.expired_points
        found = {
            "seq": (after.seq, before.seq + 1),
            "refunded": (after.refunded_minor, before.refunded_minor + after.amount_minor),
            "reversed": (after.reversed_points, before.reversed_points + due),
            "taken and written off": (following.points + after.written_off_points, due),
            "expired": (expired, min(max(0, expired), after.written_off_points)),
        }
        for name, (said, expected) in found.items():
            if said != expected:
                yield Fault(
                    "REVERSAL", following.transaction_id, f"{name}: {said} where {expected} was expected"
                )
        self.purchase = replace(self.purchase, latest=after)


def draw_faults(transaction: Transaction, entry: Entry, lots: Mapping[str, Lot]) -> Iterator[Fault]:
    """What is broken about the time at which an entry draws on lots, given these lots."""
    for each in entry.allocations:
        lot = lots.get(each.lot_id)
        if lot is None:
            continue  # which the check of its account tells
        at = transaction.occurred_time
        match transaction.kind:
            case "expiration":
                right = at == lot.expire_time
            case "activation":
                right = at == lot.active_time
            case _:
                right = lot.expire_time is None or at < lot.expire_time
        if not right:
            detail = (
                f"{transaction.kind} at {at.isoformat()} draws on {lot.lot_id}, which is not due or expired"
            )
            yield Fault("EXPIRY", entry.entry_id, detail)
