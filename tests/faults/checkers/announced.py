"""E1: each change has one row in the outbox, and each event one effect at each consumer, in order."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.checkers.findings import Finding, broken, doubled, lost
from tests.faults.final import Decision, Final, Row
from tests.faults.history import History

REGISTRATION = 0


def check(history: History, final: Final) -> Iterator[Finding]:
    """From the events to the rows, and from the rows to what came of them."""
    for what in final.waiting:
        yield lost("E1", what, "never had its effect")
    for row in final.rows:
        if not row.sent:
            yield lost("E1", f"{row.service} {row.subject} {row.change_seq}", "never left the outbox")
    yield from _changes(final)
    yield from _told(final)
    yield from _decided(final)
    yield from _accrued(final)
    yield from _posted(final)
    yield from _positions(final)


def _changes(final: Final) -> Iterator[Finding]:
    """The changes of a member at a service are counted without gaps."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in final.rows:
        places[row.service, row.subject].append(row.change_seq)
    for (service, subject), found in places.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield broken("E1", f"{service} {subject}", "its changes have gaps or doubles")


def _told(final: Final) -> Iterator[Finding]:
    """Each event of a member is told by one row; a member's sequence has no gaps."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in final.rows:
        if row.service == "members" and row.last >= row.first:
            rows[row.subject].append(row)
    events: dict[str, list[int]] = defaultdict(list)
    for event in final.events:
        events[event.member_id].append(event.seq)
    for member_id, last in final.members.items():
        if sorted(events[member_id]) != list(range(1, last + 1)):
            yield broken("E1", member_id, f"its events are not those from 1 to {last}")
        told = Counter(seq for row in rows[member_id] for seq in range(row.first, row.last + 1))
        for seq in range(REGISTRATION, last + 1):
            if told[seq] == 0:
                yield lost("E1", f"{member_id} event {seq}", "stored, and never announced")
            elif told[seq] > 1:
                yield doubled("E1", f"{member_id} event {seq}", f"announced by {told[seq]} rows")


def _decided(final: Final) -> Iterator[Finding]:
    """Each event was decided once for each membership, in the member's order."""
    by_membership: dict[str, list[Decision]] = defaultdict(list)
    for decision in final.decisions:
        by_membership[decision.membership].append(decision)
    decided = {decisions[0].member_id for decisions in by_membership.values()}
    for member_id in final.members.keys() - decided:
        yield lost("E1", member_id, "registered, and never decided of")
    for membership, decisions in by_membership.items():
        last = final.members.get(decisions[0].member_id, REGISTRATION - 1)
        counts = Counter(decision.event_seq for decision in decisions)
        for seq in range(REGISTRATION, last + 1):
            if counts[seq] == 0:
                yield lost("E1", f"{membership} event {seq}", "never decided of")
            elif counts[seq] > 1:
                yield doubled("E1", f"{membership} event {seq}", f"decided of {counts[seq]} times")
        places = [each.seq for each in sorted(decisions, key=lambda each: each.event_seq)]
        if places != list(range(1, len(places) + 1)):
            yield broken("E1", membership, "was not decided of in the member's order")


def _accrued(final: Final) -> Iterator[Finding]:
    """Each event that earns has one transaction."""
    accruals = [each for each in final.transactions if each.kind == "accrual"]
    counts = Counter(each.effect for each in accruals)
    earning = {event.effect for event in final.events if event.earns}
    for effect in earning:
        if counts[effect] == 0:
            yield lost("E1", effect, "stored, and has earned nothing")
    for effect, count in counts.items():
        if count > 1:
            yield doubled("E1", effect, f"has earned {count} times")
        if effect not in earning:
            yield broken("E1", effect, "has earned, and is no event")


def _posted(final: Final) -> Iterator[Finding]:
    """Each transaction is told to each member whose spending account it moves, by one row."""
    spenders = {account.account_id: account.spender for account in final.accounts if account.spender}
    moved = {
        (entry.transaction_id, spenders[entry.account_id])
        for entry in final.entries
        if entry.account_id in spenders
    }
    told = Counter((each, row.subject) for row in final.rows for each in row.transactions)
    for transaction_id, member_id in moved | told.keys():
        expected = int((transaction_id, member_id) in moved)
        if (rows := told[transaction_id, member_id]) != expected:
            yield broken("E1", transaction_id, f"is told to {member_id} by {rows} rows, not {expected}")


def _positions(final: Final) -> Iterator[Finding]:
    """Each consumer has applied all of each member, and projections show what was decided last."""
    for consumer, positions in final.positions.items():
        for member_id, last in final.members.items():
            if (applied := positions.get(member_id, REGISTRATION - 1)) != last:
                yield lost("E1", f"{consumer} {member_id}", f"has applied {applied} of {last}")
    for membership, seq in final.decided.items():
        if (shown := final.projected.get(membership, 0)) != seq:
            yield lost("E1", membership, f"is projected as of {shown} of {seq} decisions")
