"""Overrides: what staff decided of a tier by hand goes over what rules decide, which goes on beneath it."""

from dataclasses import dataclass
from datetime import datetime

from services.scoring.domain.moves import Look, Move, Outcome
from services.scoring.domain.terms import Given, Override, Term


@dataclass(frozen=True, slots=True)
class Beneath:
    """What rules start from: the tier that they gave last with its term, and what makes them look."""

    tier: str
    term: Term
    look: Look


@dataclass(frozen=True, slots=True)
class Order:
    """An override that is in force: its tier, why it is held and until when."""

    tier: str
    code: str
    until_time: datetime | None

    def over(self, earned_tier: str, earned_term: Term) -> Term:
        """The term of its tier, given what rules give beneath it."""
        return Override(self.code, self.until_time, earned_tier, earned_term).term


def beneath(tier: str, term: Term, look: Look, as_of: datetime) -> Beneath:
    """What rules start from, whatever staff decided: an order of theirs is to rules as any event."""
    override = term.override
    if override is None:
        return Beneath(tier, term, Look.EVENT if look is Look.OVERRIDE else look)
    due = override.earned_term.review_time
    if look is Look.OVERRIDE or (look is Look.REVIEW and (due is None or due > as_of)):
        look = Look.EVENT
    return Beneath(override.earned_tier, override.earned_term, look)


def in_force(tier: str, term: Term, given: Given | None, as_of: datetime) -> Order | None:
    """The override that holds at a time: the one that is ordered now, or else the one that held before."""
    if given is not None:
        order = Order(given.tier, given.code, given.until_time) if given.tier else None
    else:
        order = Order(tier, term.override.code, term.override.until_time) if term.override else None
    if order is None or (order.until_time is not None and order.until_time <= as_of):
        return None
    return order


def ended(move: Move, held: int) -> Move:
    """The move of rules as it is to one who held another tier until now, by an override that is over."""
    if move.rank != held:
        outcome = Outcome.UPGRADED if move.rank > held else Outcome.DOWNGRADED
    else:
        outcome = move.outcome if move.outcome in {Outcome.GRACE, Outcome.HELD} else Outcome.KEPT
    return Move(outcome, move.rank, move.term)
