"""Quotes: the purchases of a basket, what they would come to, and what may be redeemed for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.earning_policy import PURCHASE
from services.benefits.domain.ahead import TierAhead
from services.benefits.domain.earning import Earning, redeemable
from services.benefits.domain.earning_previews import PossibleEvent
from services.benefits.domain.redemption_limits import Offer


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line of a basket, which the till will record as a purchase."""

    ref: str
    amount_minor: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Basket:
    """What a member is about to buy; `source` is the partner that will tell of it."""

    lines: Sequence[QuotedLine]
    source: str
    store_id: str = ""

    @property
    def amount_minor(self) -> int:
        """What it costs."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a basket would come to: what each line earns by which rules, and what may be redeemed."""

    tier: str
    lines: Sequence[tuple[QuotedLine, Sequence[Earning]]]
    available_points: int
    offer: Offer
    tiers: Sequence[TierAhead] = ()

    @property
    def earned_points(self) -> int:
        """To redeem, by all lines together."""
        return sum(redeemable(given) for _, given in self.lines)


def possible_events(basket: Basket, member_id: str) -> list[PossibleEvent]:
    """The purchases that a till will record of a basket."""
    return [
        PossibleEvent(
            member_id,
            PURCHASE,
            amount_minor=line.amount_minor,
            store_id=basket.store_id,
            source=basket.source,
            attributes=line.attributes,
            quantity=line.quantity,
        )
        for line in basket.lines
    ]
