"""The report of a program's tiers: who holds them, who moved, and who is near what they ask for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.conditions import SegmentIs, comparisons, fact_of, parts
from libs.common.program import Program
from libs.common.tier_policy import TierSet

# Tenths of what is asked: from nothing to twice as much, and the last place for all above.
TENTHS = 21
BELOW, ABOVE = 9, 10


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison of a tier's rule with a number above 0, and the fact that it reads."""

    tier: str
    rule: str
    path: str
    metric: str
    fact: str
    op: str
    value: int


@dataclass(frozen=True, slots=True)
class Margin:
    """How many members are how near to a threshold, by tenths of it."""

    threshold: Threshold
    tenths: Sequence[int]

    @property
    def below(self) -> int:
        """Who lacks a tenth of it at most."""
        return self.tenths[BELOW]

    @property
    def above(self) -> int:
        """Who has it, and no more than a tenth above it."""
        return self.tenths[ABOVE]


@dataclass(frozen=True, slots=True)
class Moves:
    """So many moves of a month from a tier to another; from an empty one who joined."""

    tier_set: str
    month: str
    from_tier: str
    to_tier: str
    count: int


@dataclass(frozen=True, slots=True)
class TierSetReport:
    """One ladder: members by the tier that they have earned, moves by month, and margins."""

    key: str
    tiers: Mapping[str, int]
    moves: Sequence[Moves]
    margins: Sequence[Margin]


@dataclass(frozen=True, slots=True)
class TierReport:
    """The tiers of a program as of a time; moves are those from a month on."""

    program_version: int
    as_of: datetime
    first_month: str
    tier_sets: Sequence[TierSetReport]


def ranks(program: Program) -> dict[str, dict[str, int]]:
    """The place of each tier by tier set, those of versions before at the place of what replaces them."""
    return {
        tier_set.key: {
            key: place for place, tier in enumerate(tier_set.tiers) for key in (tier.key, *tier.replaces)
        }
        for tier_set in program.tier_sets
    }


def thresholds(tier_set: TierSet) -> list[Threshold]:
    """What the tiers of a set ask for, in the order of their rules; a label and 0 are near to nothing."""
    return [each for each in _asked(tier_set) if each.value > 0]


def _asked(tier_set: TierSet) -> Iterator[Threshold]:
    for tier in tier_set.tiers:
        for rule, condition in (("entry", tier.entry), ("keep", tier.keep)):
            if condition is None:
                continue
            for path, each in comparisons(condition):
                if not isinstance(each, SegmentIs):
                    fact = fact_of(each.metric, each.window or tier_set.window)
                    joined = path if parts(condition)[0] else rule
                    yield Threshold(tier.key, rule, joined, each.metric, fact, each.op, each.value)


def first_month(today: datetime, months: int) -> str:
    """The first of so many months, of which the last is the present one."""
    year, month = divmod(today.year * 12 + today.month - months, 12)
    return f"{year:04d}-{month + 1:02d}"
