"""Moves: where a member goes on a ladder, given what they hold, what they have earned and what made us look.

Ranks are places of tiers from 0; -1 is before the first, of one who joins.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.common.movement_policy import Movement
from services.scoring.domain.terms import NO_TERM, Calendar, Term


class Outcome(StrEnum):
    """What a decision did to a tier."""

    ENROLLED = "ENROLLED"
    KEPT = "KEPT"
    UPGRADED = "UPGRADED"
    DOWNGRADED = "DOWNGRADED"
    GRACE = "GRACE"
    HELD = "HELD"
    OVERRIDDEN = "OVERRIDDEN"


class Look(StrEnum):
    """What makes us look: an event, the end of a term, a new version of the program, or an order of staff."""

    EVENT = "EVENT"
    REVIEW = "REVIEW"
    NEW_VERSION = "NEW_VERSION"
    OVERRIDE = "OVERRIDE"


@dataclass(frozen=True, slots=True)
class Ranks:
    """What is held, the highest tier whose entry is met, and the highest not above it that can be kept."""

    held: int
    earned: int
    kept: int


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a member: the outcome, the rank and the term after it."""

    outcome: Outcome
    rank: int
    term: Term


@dataclass(frozen=True, slots=True)
class Mover:
    """The rules of movement of one tier set; without a calendar nothing is looked at again."""

    movement: Movement
    calendar: Calendar | None

    def move(self, ranks: Ranks, term: Term, look: Look, *, as_of: datetime, gated: bool) -> Move:
        """Where a member goes. `gated` is that risk has to look at an upgrade first."""
        if ranks.held < 0:
            return self._to(Outcome.ENROLLED, 0 if gated else ranks.earned, as_of)
        if ranks.earned > ranks.held and (self.movement.upgrade == "realtime" or look is not Look.EVENT):
            if gated:
                return Move(Outcome.HELD, ranks.held, self._going_on(ranks, term, look, as_of))
            return self._to(Outcome.UPGRADED, ranks.earned, as_of)
        if ranks.kept >= ranks.held:
            return Move(Outcome.KEPT, ranks.held, self._going_on(ranks, term, look, as_of))
        return self._missed(ranks, term, look, as_of)

    def _missed(self, ranks: Ranks, term: Term, look: Look, as_of: datetime) -> Move:
        """What becomes of one who does not meet what is asked to keep their tier."""
        if look is Look.NEW_VERSION and self.movement.new_version == "apply":
            return self._to(Outcome.DOWNGRADED, ranks.kept, as_of)
        if look is not Look.REVIEW or self.movement.downgrade == "never" or self.calendar is None:
            return Move(Outcome.KEPT, ranks.held, self._going_on(ranks, term, look, as_of))
        if self.calendar.grace_days and not term.in_grace:
            return Move(Outcome.GRACE, ranks.held, self.calendar.grace(as_of))
        lowest = 0
        if self.movement.downgrade == "step_down":
            lowest = max(0, ranks.held - self.movement.max_step_down)
        return self._to(Outcome.DOWNGRADED, max(ranks.kept, lowest), as_of)

    def _to(self, outcome: Outcome, rank: int, as_of: datetime) -> Move:
        return Move(outcome, rank, self._new_term(rank, as_of))

    def _going_on(self, ranks: Ranks, term: Term, look: Look, as_of: datetime) -> Term:
        """The term of one who stays: a new one after a review or when grace has been used, else the same."""
        if self.calendar is None:
            return NO_TERM
        made_good = term.in_grace and ranks.kept >= ranks.held
        if look is Look.REVIEW or made_good or term.review_time is None:
            return self._new_term(ranks.held, as_of)
        return term

    def _new_term(self, rank: int, as_of: datetime) -> Term:
        """The first tier is nobody's to lose, and is looked at only where upgrades wait for it."""
        if self.calendar is None or (rank == 0 and self.movement.upgrade == "realtime"):
            return NO_TERM
        return self.calendar.term(as_of)
