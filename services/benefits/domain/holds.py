"""Holds: points of a member that are set aside for something, and what becomes of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.benefits.domain.ledger import Allocation, EventKey
from services.benefits.domain.posting import part


class HoldState(StrEnum):
    """What became of a hold; it leaves OPEN once, and for ever."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Charge:
    """Points that are asked of a member, what they are worth in money, and for what, by its business key.

    `point_type` is their type, empty for the redeemable ones.
    """

    member_id: str
    points: int
    money_minor: int
    source: str
    external_ref: str
    line: int = 0
    point_type: str = ""

    @property
    def key(self) -> EventKey:
        """The business key, which is charged once for ever."""
        return self.source, self.external_ref, self.line


@dataclass(frozen=True, slots=True)
class Hold:
    """Points that were drawn on lots for a charge.

    They are told apart by their place in `drawn`: the first `captured` ones
    are spent, and of these the last `returned` ones were given back. So what
    ends last comes back first. `day` is the business day on which they count.
    """

    hold_id: str
    program_id: str
    currency: str
    charge: Charge
    drawn: tuple[Allocation, ...]
    day: str
    held_time: datetime
    expires_time: datetime | None
    state: HoldState = HoldState.OPEN
    captured: int = 0
    returned: int = 0

    @property
    def points(self) -> int:
        """How many were drawn."""
        return self.charge.points

    @property
    def open(self) -> bool:
        """Whether it is still to be captured or released."""
        return self.state is HoldState.OPEN

    @property
    def kept(self) -> int:
        """The points that the member is without: all while it is open, then what is spent for good."""
        return self.points if self.open else self.captured - self.returned

    @property
    def kept_minor(self) -> int:
        """What of the charge's money counts as redeemed, by the points that are kept."""
        return self.charge.money_minor * self.kept // self.points

    def over(self, now: datetime) -> bool:
        """Whether its time has ended, by our clock."""
        return self.expires_time is not None and now >= self.expires_time

    def part(self, start: int, stop: int) -> list[Allocation]:
        """The points from one place to before another, by the lots that they were drawn on."""
        return part(self.drawn, start, stop)
