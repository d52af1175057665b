"""Movements: what the events of members do to their points, posted in order."""

from collections.abc import Sequence
from datetime import datetime

from services.benefits.domain.accruals import Accrual, accrue
from services.benefits.domain.ledger import EventKey
from services.benefits.domain.posting import Posting
from services.benefits.domain.reversals import Purchase, Refund, reverse

Movement = Accrual | Refund


def post(
    posting: Posting,
    movements: Sequence[Movement],
    purchases: dict[EventKey, Purchase],
    *,
    program_time: datetime,
    owes: bool,
) -> None:
    """Post movements in order, given the purchases of before that are refunded.

    A refund of what no rule gave points for moves nothing.
    """
    known = dict(purchases)
    for movement in movements:
        if isinstance(movement, Accrual):
            accrual = accrue(posting, movement, program_time=program_time)
            if not movement.event_kind:
                known[movement.key] = Purchase(accrual)
        elif (purchase := known.get(movement.original)) is not None:
            known[movement.original] = reverse(posting, movement, purchase, owes=owes)
