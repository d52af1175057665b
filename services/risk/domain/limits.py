"""Limits of what members may redeem: for which they were refused, how often and when (B-10, R-11)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LimitRefusal:
    """A member was refused for a limit on a business day, first at a time."""

    program_id: str
    member_id: str
    limit: str
    business_date: str
    refused_time: datetime


@dataclass(frozen=True, slots=True)
class RefusedLimit:
    """On how many days of late a member was refused for a limit, and when at last."""

    limit: str
    days_count: int
    latest_time: datetime
