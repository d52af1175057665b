"""Facts of many members at a day: only those that are asked for, each worked out by itself.

The same facts as facts.py gives, which works out all of one member at once.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta

from services.members.domain.errors import FactUnknown
from services.members.domain.facts import LIFETIME, MONEY_KINDS, WINDOWS

# What a member did on a day: by kind of event, how often, for how much, how many. A kind is there when it
# happened, so it was counted once at least.
Kinds = Mapping[str, Mapping[str, int]]
# Ascending.
Days = Sequence[tuple[date, Kinds]]
Fact = Callable[[Days], float]

NO_FACT = float("nan")
GROSS = "purchase_gross"
PURCHASE, REFUND = MONEY_KINDS

_NAME = re.compile(
    r"(?P<kind>[a-z_]+)\.(?:(?P<measure>count|amount_minor|quantity|distinct_days)\.(?P<window>[a-z0-9]+)"
    r"|(?P<ends>days_since_first|days_since_last))"
)


def facts_asked(names: Sequence[str], kinds: Collection[str], today: date) -> list[Fact]:
    """What works out each of these facts from the days of a member up to today, in order.

    FactUnknown for a name that no event could ever give; `kinds` are those that events have.
    """
    facts = []
    for name in names:
        fact = _fact(name, kinds, today)
        if fact is None:
            raise FactUnknown(fact=name)
        facts.append(fact)
    return facts


def _fact(name: str, kinds: Collection[str], today: date) -> Fact | None:
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    kind, measure = parts["kind"], parts["measure"]
    if measure is None:
        last = parts["ends"] == "days_since_last"
        return _days_since(kind, today, last=last) if kind in kinds else None
    if parts["window"] not in {LIFETIME, *WINDOWS}:
        return None
    length = WINDOWS.get(parts["window"])
    since = date.min if length is None else today - timedelta(days=length - 1)
    if measure in {"amount_minor", "quantity"}:
        return _money(kind, measure, since)
    if kind not in kinds:
        return None
    return _distinct_days(kind, since) if measure == "distinct_days" else _sum(kind, "count", since)


def _money(kind: str, measure: str, since: date) -> Fact | None:
    """Amounts and quantities: purchases net of refunds, and either by itself."""
    if kind == PURCHASE:
        bought, returned = _sum(PURCHASE, measure, since), _sum(REFUND, measure, since)
        return lambda days: _net(bought(days), returned(days))
    return {GROSS: _sum(PURCHASE, measure, since), REFUND: _sum(REFUND, measure, since)}.get(kind)


def _net(bought: float, returned: float) -> float:
    if returned != returned:  # noqa: PLR0124 - NaN, no refund
        return bought
    return -returned if bought != bought else bought - returned  # noqa: PLR0124


def _sum(kind: str, measure: str, since: date) -> Fact:
    def fact(days: Days) -> float:
        found = [tally[kind][measure] for day, tally in days if kind in tally and day >= since]
        return sum(found) if found else NO_FACT

    return fact


def _distinct_days(kind: str, since: date) -> Fact:
    def fact(days: Days) -> float:
        return sum([kind in tally and day >= since for day, tally in days]) or NO_FACT

    return fact


def _days_since(kind: str, today: date, *, last: bool) -> Fact:
    def fact(days: Days) -> float:
        for day, tally in reversed(days) if last else days:
            if kind in tally:
                return (today - day).days
        return NO_FACT

    return fact
