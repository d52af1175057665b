"""Adjustments: staff give points or take them, by themselves up to a limit, and above it two of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.benefits.domain.errors import AdjustmentDecided, AdjustmentOfOwn
from services.benefits.domain.ledger import ISSUER, REVERSED, Transaction
from services.benefits.domain.posting import Posting
from services.benefits.domain.spending import drawn

ADJUSTMENT = "adjustment"


class AdjustmentState(StrEnum):
    """What became of an adjustment; it leaves PENDING once, and for ever."""

    PENDING = "pending"
    APPLIED = "applied"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Points that staff give a member, or take where they are below 0, and why."""

    adjustment_id: str
    program_id: str
    member_id: str
    points: int
    reason: str
    asked_by: str
    asked_time: datetime
    state: AdjustmentState = AdjustmentState.PENDING
    decided_by: str = ""
    decided_time: datetime | None = None
    transaction_id: str = ""


def require_second(adjustment: Adjustment, *, by: str) -> None:
    """Refuse an approval of what is decided, or by who asked for it."""
    _require_pending(adjustment)
    if adjustment.asked_by == by:
        raise AdjustmentOfOwn


def applied(adjustment: Adjustment, transaction: Transaction, *, by: str) -> Adjustment:
    """The adjustment when it was posted; `by` whom it was approved, if anybody had to."""
    _require_pending(adjustment)
    return replace(
        adjustment,
        state=AdjustmentState.APPLIED,
        decided_by=by,
        decided_time=transaction.recorded_time,
        transaction_id=transaction.transaction_id,
    )


def rejected(adjustment: Adjustment, *, by: str, now: datetime) -> Adjustment:
    """The adjustment when it was rejected, or withdrawn by who asked for it."""
    _require_pending(adjustment)
    return replace(adjustment, state=AdjustmentState.REJECTED, decided_by=by, decided_time=now)


def adjust(
    posting: Posting, adjustment: Adjustment, *, time: datetime, expire_time: datetime | None
) -> Transaction:
    """Post an adjustment. What is given is issued; what is taken, the member must have, and is reversed."""
    points = abs(adjustment.points)
    taken = drawn(posting, adjustment.member_id, points, time=time) if adjustment.points < 0 else []
    transaction = posting.begin(
        "adjustment",
        source=ADJUSTMENT,
        external_ref=adjustment.adjustment_id,
        line=0,
        occurred_time=time,
        points=points,
    )
    if taken:
        posting.take(transaction, posting.account(adjustment.member_id), taken)
        posting.move(transaction, posting.system(REVERSED), points)
    else:
        posting.move(transaction, posting.system(ISSUER), -points)
        posting.bring(transaction, adjustment.member_id, points, active_time=time, expire_time=expire_time)
    return transaction


def _require_pending(adjustment: Adjustment) -> None:
    if adjustment.state is not AdjustmentState.PENDING:
        raise AdjustmentDecided(state=str(adjustment.state))
