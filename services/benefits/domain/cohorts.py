"""Cohorts: what became of the points of each month, counted from lots and from what was drawn on them.

Points belong to the month in which they were earned, however often they are
held and given back. Where they get a new end, as points that are passed on to
another member or that come back after their own end, they leave their month
(`moved`) for the one in which that happened (`received`). So of each month

    earned + received = pending + active + held + spent + expired + reversed + moved

and over all months `received` is `moved`. What a transaction does to cohorts
follows from the ledger alone, in any order.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.clock import business_date
from services.benefits.domain.ledger import (
    EXPIRED,
    HELD,
    PENDING,
    REVERSED,
    SPENT,
    Allocation,
    Entry,
    Lot,
    Transaction,
)
from services.benefits.domain.posting import part, total
from services.benefits.domain.spending import lives

ACTIVE, MOVED = "active", "moved"
EARNED, RECEIVED = "earned", "received"
OUTSTANDING = (PENDING, ACTIVE, HELD)
STATES = (*OUTSTANDING, SPENT, EXPIRED, REVERSED)
COLUMNS = (EARNED, RECEIVED, *STATES, MOVED)
# Where the points go that an entry draws on lots, by the kind of its transaction. An activation makes another
# lot of the same month from them.
_TAKEN = {
    "expiration": EXPIRED,
    "reversal": REVERSED,
    "adjustment": REVERSED,
    "hold": HELD,
    "redemption": SPENT,
    "transfer": MOVED,
}
_ISSUED = {"accrual", "adjustment", "tier_reward"}

# A lot, a column of its cohort, and by how many points that changes.
Flow = tuple[str, str, int]
# A month and a column.
Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction with its entries; of a hold's also all transactions of the hold, and what it drew."""

    transaction: Transaction
    entries: Sequence[Entry]
    of_hold: Sequence[Transaction] = ()
    drawn: Sequence[Allocation] = ()


def changes(
    posted: Sequence[Posted], lots: Mapping[str, Lot], origins: Mapping[str, datetime], time_zone: str
) -> Counter[Cell]:
    """By how much transactions change cohorts; `origins` are the times of what lots come from.

    Those that name lots which are not there count for nothing: these books are
    broken, as their verification tells.
    """
    found: Counter[Cell] = Counter()
    for each in posted:
        if not all(
            lot_id in lots and lots[lot_id].origin_transaction_id in origins for lot_id in named(each)
        ):
            continue
        for lot_id, column, points in flows(each, lots):
            month = month_of(origins[lots[lot_id].origin_transaction_id], time_zone)
            found[month, column] += points
    return Counter({cell: points for cell, points in found.items() if points})


def named(posted: Posted) -> set[str]:
    """The lots whose points a transaction moves."""
    allocations = [each for entry in posted.entries for each in entry.allocations]
    made = {entry.lot_id for entry in posted.entries}
    return ({each.lot_id for each in (*allocations, *posted.drawn)} | made) - {""}


def month_of(moment: datetime, time_zone: str) -> str:
    """The month of a moment where the program does its business, such as 2026-11."""
    return f"{business_date(moment, time_zone):%Y-%m}"


def flows(posted: Posted, lots: Mapping[str, Lot]) -> Iterator[Flow]:
    """What a transaction does to the points of lots."""
    kind = posted.transaction.kind
    for entry in posted.entries:
        if entry.lot_id:
            yield from _made(entry, posted.transaction, lots[entry.lot_id])
        elif entry.points < 0:
            for each in entry.allocations:
                yield each.lot_id, _state(lots[each.lot_id]), -each.points
                if kind in _TAKEN:
                    yield each.lot_id, _TAKEN[kind], each.points
    if kind == "capture":
        for each in part(posted.drawn, 0, posted.transaction.points):
            yield each.lot_id, HELD, -each.points
            yield each.lot_id, SPENT, each.points
    elif kind in {"release", "return"}:
        yield from _given_back(posted, lots)


def _made(entry: Entry, transaction: Transaction, lot: Lot) -> Iterator[Flow]:
    """A new lot; what it pays of arrears is what refunds took before there was anything to take."""
    if lot.origin_transaction_id == transaction.transaction_id:
        yield lot.lot_id, EARNED if transaction.kind in _ISSUED else RECEIVED, entry.points
    paid = total(entry.allocations)
    yield lot.lot_id, _state(lot), entry.points - paid
    yield lot.lot_id, REVERSED, paid


def _given_back(posted: Posted, lots: Mapping[str, Lot]) -> Iterator[Flow]:
    """Points that come back: to their lots behind arrears, and from ended ones into a new lot."""
    transaction = posted.transaction
    given = _part_given(posted)
    alive = [each for each in given if lives(lots[each.lot_id], transaction.occurred_time)]
    ended = [each for each in given if not lives(lots[each.lot_id], transaction.occurred_time)]
    restored = -sum(total(each.allocations) for each in posted.entries if not each.lot_id)
    paid = total(alive) - restored
    for each in given:
        yield each.lot_id, HELD if transaction.kind == "release" else SPENT, -each.points
    for drawn, column in (
        (part(alive, 0, paid), REVERSED),
        (part(alive, paid, total(alive)), ACTIVE),
        (ended, MOVED),
    ):
        for each in drawn:
            yield each.lot_id, column, each.points


def _part_given(posted: Posted) -> list[Allocation]:
    """Which points of a hold come back: the last ones that it still has."""
    transaction, drawn = posted.transaction, total(posted.drawn)
    if transaction.kind == "release":
        return part(posted.drawn, drawn - transaction.points, drawn)
    captured = [each.points for each in posted.of_hold if each.kind in {"capture", "redemption"}]
    before = [
        each.points
        for each in posted.of_hold
        if each.kind == "return" and each.transaction_id < transaction.transaction_id
    ]
    kept = sum(captured) - sum(before)
    return part(posted.drawn, kept - transaction.points, kept)


def _state(lot: Lot) -> str:
    return PENDING if lot.pending else ACTIVE
