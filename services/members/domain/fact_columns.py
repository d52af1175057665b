"""Facts of many members at a day: only those that are asked for, each worked out by itself.

The same facts as facts.py gives, which works out all of one member at once.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

from libs.common.windows import Span, named_window
from services.members.domain.errors import FactUnknown
from services.members.domain.facts import MONEY_KINDS, Counts

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
    r"(?P<kind>[a-z_]+)\.(?:(?P<measure>count|amount_minor|average_minor|quantity|distinct_days)"
    r"\.(?P<window>[a-z0-9_]+)"
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


def require_facts(names: Sequence[str], kinds: Collection[str]) -> None:
    """Refuse a name that no event could ever give, whatever the day."""
    facts_asked(names, kinds, date.max)


def facts_named(
    names: Sequence[str], kinds: Collection[str], days: Mapping[date, Mapping[str, Counts]], today: date
) -> dict[str, int]:
    """Those of some facts that there are, from the tallies of the days up to today."""
    kept = [
        (day, {kind: _measures(counts) for kind, counts in tally.items()})
        for day, tally in sorted(days.items())
    ]
    found = {name: fact(kept) for name, fact in zip(names, facts_asked(names, kinds, today), strict=True)}
    return {name: int(value) for name, value in found.items() if value == value}  # noqa: PLR0124 - NaN


def _measures(counts: Counts) -> dict[str, int]:
    return {"count": counts.count, "amount_minor": counts.amount_minor, "quantity": counts.quantity}


def _fact(name: str, kinds: Collection[str], today: date) -> Fact | None:
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    kind, measure = parts["kind"], parts["measure"]
    if measure is None:
        last = parts["ends"] == "days_since_last"
        return _days_since(kind, today, last=last) if kind in kinds else None
    window = named_window(parts["window"])
    if window is None:
        return None
    span = window.span(today)
    if measure == "average_minor":
        return _average(span) if kind == PURCHASE and span.divisor == 1 else None
    if measure in {"amount_minor", "quantity"}:
        fact = _money(kind, measure, span)
    elif kind not in kinds:
        return None
    else:
        fact = _distinct_days(kind, span) if measure == "distinct_days" else _sum(kind, "count", span)
    return fact if fact is None or span.divisor == 1 else _divided(fact, span.divisor)


def _money(kind: str, measure: str, span: Span) -> Fact | None:
    """Amounts and quantities: purchases net of refunds, and either by itself."""
    if kind == PURCHASE:
        bought, returned = _sum(PURCHASE, measure, span), _sum(REFUND, measure, span)
        return lambda days: _net(bought(days), returned(days))
    return {GROSS: _sum(PURCHASE, measure, span), REFUND: _sum(REFUND, measure, span)}.get(kind)


def _average(span: Span) -> Fact:
    """What a purchase comes to, refunds taken off, rounded down."""
    net, count = _money(PURCHASE, "amount_minor", span), _sum(PURCHASE, "count", span)
    assert net is not None
    return lambda days: net(days) // count(days)  # NaN where there is no purchase


def _divided(fact: Fact, divisor: int) -> Fact:
    return lambda days: fact(days) // divisor


def _net(bought: float, returned: float) -> float:
    if returned != returned:  # noqa: PLR0124 - NaN, no refund
        return bought
    return -returned if bought != bought else bought - returned  # noqa: PLR0124


def _sum(kind: str, measure: str, span: Span) -> Fact:
    first, last = span.first, span.last

    def fact(days: Days) -> float:
        found = [tally[kind][measure] for day, tally in days if kind in tally and first <= day <= last]
        return sum(found) if found else NO_FACT

    return fact


def _distinct_days(kind: str, span: Span) -> Fact:
    first, last = span.first, span.last

    def fact(days: Days) -> float:
        return sum([kind in tally and first <= day <= last for day, tally in days]) or NO_FACT

    return fact


def _days_since(kind: str, today: date, *, last: bool) -> Fact:
    def fact(days: Days) -> float:
        for day, tally in reversed(days) if last else days:
            if kind in tally:
                return (today - day).days
        return NO_FACT

    return fact
