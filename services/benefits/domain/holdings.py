"""Holdings: all the points of a member, whether they may be spent yet and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.point_policy import PointType
from services.benefits.domain.ledger import Account


@dataclass(frozen=True, slots=True)
class Holding:
    """An account of a member, what is pending and held beside it, what expires next."""

    account: Account
    pending_points: int
    held_points: int
    expiring: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a member has to redeem, and of the other types of points, in the order of the program."""

    member_id: str
    redeemable: Holding
    types: Mapping[PointType, Holding]
