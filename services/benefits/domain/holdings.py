"""Holdings: all the points of a member, whether they may be spent yet and until when."""

from dataclasses import dataclass
from datetime import datetime

from services.benefits.domain.ledger import Account


@dataclass(frozen=True, slots=True)
class Holding:
    """The account that a member spends from, what is pending and held beside it, what expires next."""

    member_id: str
    account: Account
    pending_points: int
    held_points: int
    expiring: tuple[tuple[datetime, int], ...]
