"""What points are worth: by the program's value of a point, and less where older ones depreciate."""

from collections.abc import Iterable
from datetime import datetime

from libs.common.clock import months_later
from libs.common.documents import WHOLE_BP
from libs.common.redemption_policy import Redemption
from services.benefits.domain.ledger import Lot


def value_of(lots: Iterable[Lot], at: datetime, *, redemption: Redemption) -> int:
    """The money that what is left of lots is worth at a time, rounded down once for all of them."""
    worth = sum(lot.remaining * worth_bp(redemption, lot.active_time, at) for lot in lots)
    return worth * redemption.value_minor // (redemption.points * WHOLE_BP)


def worth_bp(redemption: Redemption, since: datetime, at: datetime) -> int:
    """The share of its value that a point which is active since a time has at another."""
    worth = WHOLE_BP
    for step in redemption.depreciation:
        if months_later(since, step.after_months) > at:
            break
        worth = step.worth_bp
    return worth
