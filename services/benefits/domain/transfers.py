"""Transfers: points go from one member to another, and keep their ends."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from libs.common.redemption_policy import Transfers
from services.benefits.domain.errors import TransferLimit, TransfersNotAllowed
from services.benefits.domain.ledger import Allocation
from services.benefits.domain.posting import Posting, total
from services.benefits.domain.spending import drawn

TRANSFER = "transfer"


def require_allowed(
    policy: Transfers | None, *, points: int, before_points: int, to_oneself: bool
) -> Transfers:
    """Refuse a transfer that the program does not allow after what the member passed on that day."""
    if policy is None or to_oneself:
        raise TransfersNotAllowed
    if points < policy.min_points:
        raise TransferLimit(min_points=policy.min_points)
    left_points = max(0, policy.daily_max_points - before_points)
    if points > left_points:
        raise TransferLimit(daily_max_points=policy.daily_max_points, left_points=left_points)
    return policy


def transfer(
    posting: Posting, *, from_id: str, to_id: str, points: int, transfer_id: str, time: datetime
) -> None:
    """Post a transfer: a transaction with a lot of its own for each end that the points have."""
    given = drawn(posting, from_id, points, time=time)
    for line, (end, of_end) in enumerate(groupby(given, lambda each: posting.lots[each.lot_id].expire_time)):
        _pass_on(posting, from_id, to_id, list(of_end), (transfer_id, line), time, end)


def _pass_on(
    posting: Posting,
    from_id: str,
    to_id: str,
    given: Sequence[Allocation],
    key: tuple[str, int],
    time: datetime,
    end: datetime | None,
) -> None:
    transfer_id, line = key
    points = total(given)
    transaction = posting.begin(
        "transfer",
        source=TRANSFER,
        external_ref=transfer_id,
        line=line,
        occurred_time=time,
        points=points,
    )
    posting.take(transaction, posting.account(from_id), given)
    posting.bring(transaction, to_id, points, active_time=time, expire_time=end)
