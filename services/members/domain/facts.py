"""Facts: what a member has done by a time, as sums over days and over the events of the last day.

Names are `<kind>.<measure>[_<unit>].<window>`. Purchases are net of refunds,
`purchase_gross` stands beside them. A fact that is not there never happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

WINDOWS = MappingProxyType({"7d": 7, "30d": 30, "90d": 90, "365d": 365})
LIFETIME = "lifetime"
MONEY_KINDS = ("purchase", "refund")


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something happened, and for how much."""

    count: int = 0
    amount_minor: int = 0
    quantity: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.count + other.count, self.amount_minor + other.amount_minor, self.quantity + other.quantity
        )


# Counts by kind of event.
Tally = Mapping[str, Counts]
NONE = Counts()


def added(tally: Tally, kind: str, counts: Counts) -> dict[str, Counts]:
    """The tally with these counts more."""
    before = tally.get(kind)
    return {**tally, kind: counts if before is None else before + counts}


def less(tally: Tally, taken: Tally) -> dict[str, Counts]:
    """The tally without these counts, which are in it; a kind of which nothing is left is not there."""
    left = {
        kind: Counts(
            counts.count - taken[kind].count,
            counts.amount_minor - taken[kind].amount_minor,
            counts.quantity - taken[kind].quantity,
        )
        if kind in taken
        else counts
        for kind, counts in tally.items()
    }
    return {kind: counts for kind, counts in left.items() if counts.count}


def total(tallies: Iterable[Tally]) -> dict[str, Counts]:
    """The sum of tallies."""
    sums: dict[str, Counts] = {}
    for tally in tallies:
        for kind, counts in tally.items():
            sums[kind] = sums.get(kind, NONE) + counts
    return sums


def tally_facts(tally: Tally, window: str) -> dict[str, int]:
    """The facts of one window."""
    facts = {f"{kind}.count.{window}": counts.count for kind, counts in tally.items() if counts.count}
    bought, returned = (tally.get(kind, NONE) for kind in MONEY_KINDS)
    if bought.count or returned.count:
        facts |= {
            f"purchase.amount_minor.{window}": bought.amount_minor - returned.amount_minor,
            f"purchase.quantity.{window}": bought.quantity - returned.quantity,
        }
    for name, counts in (("purchase_gross", bought), ("refund", returned)):
        if counts.count:
            facts |= {
                f"{name}.amount_minor.{window}": counts.amount_minor,
                f"{name}.quantity.{window}": counts.quantity,
            }
    return facts


def facts_at(days: Mapping[date, Tally], today: date) -> dict[str, int]:
    """All facts at a day, from the tallies of the days up to it.

    `days` holds no day after `today`; of `today` it holds what has happened by
    the time that is asked about. A window of n days ends with today.
    """
    facts = tally_facts(total(days.values()), LIFETIME)
    for window, length in WINDOWS.items():
        within = {day: tally for day, tally in days.items() if (today - day).days < length}
        facts |= tally_facts(total(within.values()), window)
        facts |= _distinct_days(within, window)
    facts |= _distinct_days(days, LIFETIME)
    for kind in {kind for tally in days.values() for kind in tally}:
        with_kind = [day for day, tally in days.items() if kind in tally and tally[kind].count]
        facts[f"{kind}.days_since_first"] = (today - min(with_kind)).days
        facts[f"{kind}.days_since_last"] = (today - max(with_kind)).days
    return facts


def _distinct_days(days: Mapping[date, Tally], window: str) -> dict[str, int]:
    counted: dict[str, int] = {}
    for tally in days.values():
        for kind, counts in tally.items():
            if counts.count:
                name = f"{kind}.distinct_days.{window}"
                counted[name] = counted.get(name, 0) + 1
    return counted
