"""Reversals: a refund takes back what the purchase earned by the money that was given back.

What is due is what the purchase earned, less what it would have earned by the
amount that is left, less what was reversed already. So refunds in parts take
back what one of the whole would, to the point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.benefits.domain.ledger import REVERSED, Allocation, EventKey, Lot, Reversal, Transaction
from services.benefits.domain.posting import Posting, allocated, soonest_to_expire, total

UNREFUNDED = Reversal(
    seq=0, amount_minor=0, written_off_points=0, refunded_minor=0, reversed_points=0, expired_points=0
)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that a member got back for a purchase; `as_of` is when it was decided on, in the program."""

    member_id: str
    source: str
    external_ref: str
    line: int
    occurred_time: datetime
    as_of: datetime
    original: EventKey
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a refund reads of the purchase: its accrual, the latest reversal, and what has expired of it."""

    accrual: Transaction
    latest: Reversal = UNREFUNDED
    expired_points: int = 0

    def due(self, refunded_minor: int) -> int:
        """What all refunds together take back when so much is refunded, less what they took before."""
        earned = self.accrual.points
        amount_minor = max((each.amount_minor for each in self.accrual.earnings), default=0)
        left_minor = max(0, amount_minor - refunded_minor)
        kept = sum(earning.points_for(left_minor) for earning in self.accrual.earnings)
        return earned - kept - self.latest.reversed_points


@dataclass(frozen=True, slots=True)
class _Share:
    """Who bears what is due: lots, what had expired already, and what nobody has any more."""

    own: list[Allocation]
    others: list[Allocation]
    expired: int
    short: int


def reverse(posting: Posting, refund: Refund, purchase: Purchase, *, owes: bool) -> Purchase:
    """Post a refund of a purchase, and give the purchase as it is then.

    Taken from the purchase's own lot first, then from the member's other lots.
    What they do not give is owed, or else written off.
    """
    before = purchase.latest
    refunded_minor = before.refunded_minor + refund.amount_minor
    due = purchase.due(refunded_minor)
    share = _shared(posting, refund, purchase, due)
    owed = share.short if owes else 0
    written_off = share.expired + share.short - owed
    reversal = Reversal(
        seq=before.seq + 1,
        amount_minor=refund.amount_minor,
        written_off_points=written_off,
        refunded_minor=refunded_minor,
        reversed_points=before.reversed_points + due,
        expired_points=before.expired_points + share.expired,
    )
    transaction = posting.begin(
        "reversal",
        source=refund.source,
        external_ref=refund.external_ref,
        line=refund.line,
        occurred_time=refund.occurred_time,
        points=due - written_off,
        original_transaction_id=purchase.accrual.transaction_id,
        reversal=reversal,
    )
    _take(posting, refund.member_id, transaction, [*share.own, *share.others], owed)
    return replace(purchase, latest=reversal)


def _shared(posting: Posting, refund: Refund, purchase: Purchase, due: int) -> _Share:
    origin = purchase.accrual.transaction_id
    lots = [lot for lot in posting.lots.values() if lot.member_id == refund.member_id and lot.remaining]
    own = [lot for lot in lots if lot.origin_transaction_id == origin]
    drawn = allocated([lot for lot in own if lot.usable(refund.as_of)], due)
    lapsed = sum(lot.remaining for lot in own if not lot.usable(refund.as_of))
    unclaimed = purchase.expired_points + lapsed - purchase.latest.expired_points
    expired = min(due - total(drawn), unclaimed)
    rest = due - total(drawn) - expired
    others = allocated(_others(lots, origin, refund.as_of), rest) if rest else []
    return _Share(drawn, others, expired, rest - total(others))


def _others(lots: Sequence[Lot], origin: str, time: datetime) -> list[Lot]:
    return soonest_to_expire(
        lot for lot in lots if lot.origin_transaction_id != origin and not lot.pending and lot.usable(time)
    )


def _take(
    posting: Posting, member_id: str, transaction: Transaction, drawn: Sequence[Allocation], owed: int
) -> None:
    """One entry per account that gives, and one of the account that they go to."""
    pending = [each for each in drawn if posting.lots[each.lot_id].pending]
    active = [each for each in drawn if not posting.lots[each.lot_id].pending]
    if pending:
        posting.take(transaction, posting.pending(member_id), pending)
    if active or owed:
        posting.take(transaction, posting.account(member_id), active, owed=owed)
    if transaction.points:
        posting.move(transaction, posting.system(REVERSED), transaction.points)
