"""What must come of purchases, counted from their rows alone."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# Lifetime spend in minor units from which on a tier of the music store is held.
TIERS = (("normal", 0), ("silver", 10_000), ("gold", 25_000), ("platinum", 50_000), ("diamond", 100_000))


@dataclass
class Expected:
    """The right answers for some rows, counted here from the rows alone."""

    members: int = 0
    purchases: int = 0
    spend_minor: int = 0
    points: int = 0
    tiers: dict[str, int] = field(default_factory=lambda: {key: 0 for key, _ in TIERS})


@dataclass
class Purchases:
    """A file of purchases with the right answers for it."""

    file: Path
    expected: Expected


def counted(rows: list[str]) -> Expected:
    """Tier by lifetime spend; a whole dollar is a point, or two from silver on, held before the purchase."""
    spent: dict[str, int] = defaultdict(int)
    expected = Expected(purchases=len(rows))
    for row in rows:
        customer, amount = row.split()[-4], row.split()[-1]
        minor = int(amount.replace(".", ""))
        expected.points += minor // 100 * (1 if spent[customer] < TIERS[1][1] else 2)
        spent[customer] += minor
    expected.members, expected.spend_minor = len(spent), sum(spent.values())
    for total in spent.values():
        held = max((threshold, key) for key, threshold in TIERS if total >= threshold)[1]
        expected.tiers[held] += 1
    return expected
