"""Verification of transactions: whether each moves what its cause says, and takes back what is due."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.benefits.domain.ledger import (
    EXPIRED,
    HELD,
    ISSUER,
    LOT,
    PENDING,
    REVERSED,
    SPENT,
    WITHOUT_LOTS,
    Entry,
    Lot,
    Transaction,
    member_of,
    purpose_of,
)
from services.benefits.domain.reversals import Purchase
from services.benefits.domain.verification import Fault, StoredTransaction

ACTIVE = ""
# From which accounts to which the points of each kind go; one way or another.
FLOWS = {
    "accrual": [({ISSUER}, {ACTIVE, PENDING})],
    "activation": [({PENDING}, {ACTIVE})],
    "expiration": [({ACTIVE}, {EXPIRED})],
    "reversal": [({ACTIVE, PENDING}, {REVERSED})],
    "hold": [({ACTIVE}, {HELD})],
    "capture": [({HELD}, {SPENT})],
    "release": [({HELD}, {ACTIVE})],
    "redemption": [({ACTIVE}, {SPENT})],
    "return": [({SPENT}, {ACTIVE})],
    "adjustment": [({ISSUER}, {ACTIVE}), ({ACTIVE}, {REVERSED})],
    "transfer": [({ACTIVE}, {ACTIVE})],
    "tier_reward": [({ISSUER}, {ACTIVE})],
}
OF_HOLDS = {"hold", "capture", "release", "redemption", "return"}
# What gives points back to lots, and what makes lots by itself, which expire under keys of their own.
GIVES_BACK = {"release", "return"}
MAKES_LOTS = GIVES_BACK | {"adjustment", "transfer", "tier_reward"}
GOES_BACK = {"activation", "expiration", "reversal"}


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
    kind, ways = transaction.kind, FLOWS.get(transaction.kind, [(set[str](), set[str]())])
    for entry in min(([each for each in entries if not _fits(each, *way)] for way in ways), key=len):
        way = "to" if entry.points > 0 else "from"
        yield Fault("TRANSACTION_ENTRIES", entry.entry_id, f"{kind} moves points {way} {entry.account_id}")
    members = {member_of(each.account_id) for each in entries} - {""}
    if len(members) > (2 if kind == "transfer" else 1):
        yield Fault("TRANSACTION_ENTRIES", transaction.transaction_id, f"{kind} moves points of {members}")
    for entry in entries:
        drawn = sum(each.points for each in entry.allocations)
        lots = purpose_of(entry.account_id) not in WITHOUT_LOTS
        if kind != "reversal" and lots and drawn + entry.points < 0:
            yield Fault("ARREARS", entry.entry_id, f"{kind} goes into arrears")
        if kind not in GIVES_BACK and lots and entry.points > 0 and not entry.lot_id:
            yield Fault("LOT", entry.entry_id, f"{kind} gives back to lots")


def _fits(entry: Entry, givers: set[str], takers: set[str]) -> bool:
    return purpose_of(entry.account_id) in (takers if entry.points > 0 else givers)


def _cause_faults(transaction: Transaction) -> Iterator[Fault]:
    transaction_id, kind = transaction.transaction_id, transaction.kind
    counted = sum(earning.points for earning in transaction.earnings)
    if counted != (transaction.points if kind == "accrual" else 0):
        yield Fault("EARNINGS", transaction_id, f"the rules gave {counted} of {transaction.points}")
    if (transaction.reversal is not None) != (kind == "reversal"):
        yield Fault("REVERSAL", transaction_id, f"{kind} does not say what was refunded, or does")
    if bool(transaction.original_transaction_id) != (kind in GOES_BACK):
        yield Fault("ORIGINAL", transaction_id, f"{kind} names nothing that it goes back to, or does")
    if bool(transaction.hold_id) != (kind in OF_HOLDS):
        yield Fault("HOLD", transaction_id, f"{kind} names no hold, or names one")


@dataclass(slots=True)
class PurchaseCheck:
    """Follows what goes back to one accrual: the reversals in their order, an activation, an expiration.

    What made a lot by itself has an expiration at most, under the lot's own key.
    """

    purchase: Purchase

    def faults(self, following: Transaction) -> Iterator[Fault]:
        """What is broken about the next transaction that goes back to the accrual."""
        transaction_id, accrual = following.transaction_id, self.purchase.accrual
        by_lot = accrual.kind in MAKES_LOTS and following.kind == "expiration"
        if accrual.kind != "accrual" and not by_lot:
            yield Fault("ORIGINAL", transaction_id, f"goes back to a transaction of kind {accrual.kind}")
        elif following.reversal is not None:
            yield from self._reversal_faults(following)
        elif following.points > accrual.points or (
            following.source != LOT if by_lot else following.key != accrual.key
        ):
            yield Fault("ORIGINAL", transaction_id, f"is not of {accrual.points} points of its origin")

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
    """What is broken about the time at which an entry draws on these lots, or gives back to them."""
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
                # What came back too late ends at once, and still pays what is owed.
                right |= at == lot.expire_time and lot.transaction_id == transaction.transaction_id
        if not right:
            detail = (
                f"{transaction.kind} at {at.isoformat()} draws on {lot.lot_id}, which is not due or expired"
            )
            yield Fault("EXPIRY", entry.entry_id, detail)
