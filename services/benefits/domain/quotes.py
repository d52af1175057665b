"""Quotes: what the purchases of a basket would earn one after another, and what may be redeemed for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.common.earning_policy import PURCHASE
from libs.common.program import Program
from services.benefits.domain.earning import Earning, earned_with, earnings, redeemable
from services.benefits.domain.earning_previews import Earner
from services.benefits.domain.redemption_limits import Offer


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line of a basket, which the till will record as a purchase."""

    ref: str
    amount_minor: int
    attributes: Mapping[str, str] = field(default_factory=dict)


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

    @property
    def earned_points(self) -> int:
        """To redeem, by all lines together."""
        return sum(redeemable(given) for _, given in self.lines)


def earned_by(
    program: Program, basket: Basket, before: Earner, at: datetime
) -> list[tuple[QuotedLine, Sequence[Earning]]]:
    """What each line would earn: what an earlier one takes of a cap, and counts, a later one finds."""
    found: list[tuple[QuotedLine, Sequence[Earning]]] = []
    for line in basket.lines:
        given = earnings(
            program,
            event_kind=PURCHASE,
            amount_minor=line.amount_minor,
            tier=before.tier,
            tiers=before.tiers,
            occurred_time=at,
            store_id=basket.store_id,
            source=basket.source,
            attributes=line.attributes,
            metrics=before.metrics,
            earned=before.earned,
            birthday=before.birthday,
        )
        found.append((line, given))
        before = _after(program, before, line, given)
    return found


def _after(program: Program, before: Earner, line: QuotedLine, given: Sequence[Earning]) -> Earner:
    """The member after a purchase, at the same tiers: what these will be is decided when it comes."""
    bought = {"spend": line.amount_minor, "orders": 1}
    metrics = {name: before.metrics.get(name, 0) + more for name, more in bought.items()}
    earned = earned_with(program, before.earned, given)
    return replace(before, metrics={**before.metrics, **metrics}, earned=earned)
