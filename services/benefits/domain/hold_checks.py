"""Verification of holds: whether each says what was posted of it, and was resolved once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.benefits.domain.holds import Hold, HoldState
from services.benefits.domain.ledger import Allocation, Entry, Transaction
from services.benefits.domain.verification import Fault


@dataclass(slots=True)
class HoldCheck:
    """Follows the transactions of one hold, in the order in which they were posted."""

    held: Hold
    points: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    drawn: tuple[Allocation, ...] = ()
    given: Counter[str] = field(default_factory=Counter)

    def follow(self, transaction: Transaction, entries: Sequence[Entry]) -> Iterator[Fault]:
        """What is broken about the next transaction."""
        kind, held = transaction.kind, self.held
        self.points[kind] += transaction.points
        self.counts[kind] += 1
        if kind in {"hold", "redemption"}:
            self.drawn = tuple(each for entry in entries for each in entry.allocations)
        elif kind in {"release", "return"}:
            for each in (each for entry in entries for each in entry.allocations if each.points < 0):
                self.given[each.lot_id] -= each.points
        if kind != "return" and transaction.key != held.charge.key:
            yield self._fault(f"{kind} of {transaction.key}, the hold is of {held.charge.key}")
        late = held.expires_time is not None and transaction.recorded_time >= held.expires_time
        if kind == "capture" and late:
            yield self._fault("was captured past its end")
        if kind == "release" and held.state is HoldState.EXPIRED and not late:
            yield self._fault("expired before its end")

    def faults(self) -> Iterator[Fault]:
        """What is broken about the hold, after all its transactions."""
        held, points, counts = self.held, self.points, self.counts
        at_once = counts["redemption"]
        released = 0 if held.open or at_once else held.points - held.captured
        found = {
            "drawings": (counts["hold"] + at_once, 1),
            "points": (points["hold"] + points["redemption"], held.points),
            "captured": (points["capture"] + points["redemption"], held.captured),
            "released": (points["release"], released),
            "returned": (points["return"], held.returned),
            "captures": (counts["capture"] + at_once, int(held.state is HoldState.CAPTURED)),
            "releases": (counts["release"], int(released > 0)),
            "kept": (held.kept, max(0, held.kept)),
        }
        for name, (said, expected) in found.items():
            if said != expected:
                yield self._fault(f"{name}: {said} where {expected} was expected")
        if self.drawn != held.drawn:
            yield self._fault("drew on other lots than it says")
        if self.given - Counter({each.lot_id: each.points for each in held.drawn}):
            yield self._fault("gave more back to a lot than it drew on it")

    def _fault(self, detail: str) -> Fault:
        return Fault("HOLD", self.held.hold_id, detail)
