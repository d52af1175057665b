"""Equal treatment: members with equal facts and equal standing have equal decisions.

What a decision read is its **situation**: the version, the facts, the tier
that was held and what made us look, all but the time and whose it is. Decisions
of one situation are compared. There may be more situations than fit: then half
of them are let go, by their digests, and each one that stays has all its
decisions.
"""

import hashlib
import heapq
from dataclasses import dataclass, field

from libs.common.documents import WHOLE_BP

SITUATIONS_MAX = 50_000
UNEQUAL_TOLD_MAX = 20


@dataclass(frozen=True, slots=True)
class Treatment:
    """What came out of a situation, which is named by a digest."""

    situation: int
    tier_set: str
    decision_id: str
    outcome: str
    to_tier: str

    @property
    def result(self) -> tuple[str, str]:
        """What must be equal."""
        return self.outcome, self.to_tier


@dataclass(slots=True)
class _Seen:
    first: Treatment
    members: int = 1
    other: Treatment | None = None


@dataclass(slots=True)
class Equality:
    """Compares decisions, each told once, in whichever order."""

    situations_max: int = SITUATIONS_MAX
    decisions: int = 0
    _halvings: int = 0
    _seen: dict[int, _Seen] = field(default_factory=dict)

    def add(self, treatment: Treatment) -> None:
        """Compare a decision with those of its situation."""
        self.decisions += 1
        if not self._stays(treatment.situation):
            return
        seen = self._seen.get(treatment.situation)
        if seen is None:
            self._seen[treatment.situation] = _Seen(treatment)
            while len(self._seen) > self.situations_max:
                self._let_go()
            return
        seen.members += 1
        if seen.other is None and treatment.result != seen.first.result:
            seen.other = treatment

    def _stays(self, situation: int) -> bool:
        return situation % (1 << self._halvings) == 0

    def _let_go(self) -> None:
        self._halvings += 1
        self._seen = {key: seen for key, seen in self._seen.items() if self._stays(key)}

    @property
    def compared_bp(self) -> int:
        """The share of all situations that was compared."""
        return WHOLE_BP >> self._halvings

    @property
    def situations(self) -> int:
        """Situations that more than one was in."""
        return sum(seen.members > 1 for seen in self._seen.values())

    @property
    def unequal(self) -> list[tuple[Treatment, Treatment]]:
        """Of each situation with different decisions, two of them; by the id of the first."""
        found = [(seen.first, seen.other) for seen in self._seen.values() if seen.other is not None]
        return sorted(found, key=lambda pair: pair[0].decision_id)


@dataclass(slots=True)
class Sample:
    """So many ids, drawn by a seed alone: the same ones, in whichever order they come."""

    seed: str
    size: int
    _kept: list[tuple[int, str]] = field(default_factory=list)

    def add(self, decision_id: str) -> None:
        """Keep it if it is among the lowest so far by its digest with the seed."""
        digest = hashlib.sha256(f"{self.seed}/{decision_id}".encode()).digest()
        place = -int.from_bytes(digest[:8], "big")
        if len(self._kept) < self.size:
            heapq.heappush(self._kept, (place, decision_id))
        elif self._kept and place > self._kept[0][0]:
            heapq.heapreplace(self._kept, (place, decision_id))

    @property
    def drawn(self) -> list[str]:
        """The ids, sorted."""
        return sorted(decision_id for _, decision_id in self._kept)
