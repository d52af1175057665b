"""Cuts a file of purchases into batches of which several may be in flight: pure."""

from collections.abc import Iterator, Sequence

from libs.cli.cdnow import Purchase

EVENTS_MAX = 200
LANES = 2


def by_customer(purchases: Sequence[Purchase]) -> dict[str, list[Purchase]]:
    """The purchases of each customer by day, those of one day as they stand in the file."""
    rows: dict[str, list[Purchase]] = {}
    for purchase in purchases:
        rows.setdefault(purchase.customer, []).append(purchase)
    return {customer: sorted(own, key=lambda purchase: purchase.day) for customer, own in rows.items()}


def lanes(rows: dict[str, list[Purchase]]) -> list[list[list[Purchase]]]:
    """Lists of batches to be sent side by side, each in its order.

    A customer is in one lane only, so never in two batches in flight; and in
    one batch only, unless their rows fill more than one.
    """
    found: list[list[list[Purchase]]] = [[] for _ in range(LANES)]
    for run in _runs(rows):
        min(found, key=len).extend(run)
    return found


def _runs(rows: dict[str, list[Purchase]]) -> Iterator[list[list[Purchase]]]:
    """Batches that must follow one another: mostly one by itself, more for a customer who fills several."""
    batch: list[Purchase] = []
    for own in rows.values():
        if batch and len(batch) + len(own) > EVENTS_MAX:
            yield [batch]
            batch = []
        if len(own) > EVENTS_MAX:
            yield [own[start : start + EVENTS_MAX] for start in range(0, len(own), EVENTS_MAX)]
        else:
            batch = batch + own
    if batch:
        yield [batch]
