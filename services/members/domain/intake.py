"""Intake: what becomes of each event of a source, and the member's sequence and counters after it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple

from libs.common.canonical import digest
from libs.common.clock import business_date
from services.members.domain.activity import seen
from services.members.domain.facts import MONEY_KINDS, Counts, Tally, added
from services.members.domain.members import Member, ProgramCalendar

Outcome = Literal["accepted", "duplicate", "rejected"]

# Facts stay well below 2**53, beyond which JSON numbers are not exact.
LIFETIME_AMOUNT_MAX = 8 * 10**15
# Names and values of one event together: five hundred events are pulled in one answer.
ATTRIBUTES_BYTES_MAX = 4_096


class BusinessKey(NamedTuple):
    """What makes an event the same event, within a program and source, for ever."""

    external_ref: str
    line: int
    kind: str


class Incoming(NamedTuple):
    """An event as a source tells it; `fault` says which rule of its form it breaks, if any."""

    key: BusinessKey
    member_id: str
    external_member_id: str
    occurred_time: datetime
    store_id: str
    amount_minor: int
    currency: str
    quantity: int
    original: BusinessKey | None
    attributes: Mapping[str, str]
    fault: str = ""


class Event(NamedTuple):
    """An event as recorded, with the member's counters right after it."""

    event_id: str
    program_id: str
    member_id: str
    seq: int
    source: str
    key: BusinessKey
    occurred_time: datetime
    recorded_time: datetime
    business_date: date
    store_id: str
    amount_minor: int
    currency: str
    quantity: int
    original: BusinessKey | None
    attributes: Mapping[str, str]
    payload_digest: str
    after: Tally


class EventResult(NamedTuple):
    """What became of one event."""

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    event_id: str = ""
    seq: int = 0


class KnownEvent(NamedTuple):
    """What is looked at again of an event that the source has sent before."""

    event_id: str
    member_id: str
    seq: int
    amount_minor: int
    payload_digest: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds that the batch may meet; `refunded` is what was given back, by purchase."""

    members: Mapping[str, Member]
    member_ids: Mapping[str, str]
    events: Mapping[BusinessKey, KnownEvent]
    refunded: Mapping[BusinessKey, int]
    stores: frozenset[str]


@dataclass(slots=True)
class Recording:
    """What a batch comes to: an answer per event, and what to store."""

    results: list[EventResult] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)

    def runs(self) -> dict[str, list[Event]]:
        """The new events by member, in sequence."""
        runs: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            runs[event.member_id].append(event)
        return dict(runs)

    def days(self) -> dict[tuple[str, date], dict[str, Counts]]:
        """What the new events add to each member and day."""
        days: dict[tuple[str, date], dict[str, Counts]] = defaultdict(dict)
        for event in self.events:
            day = (event.member_id, event.business_date)
            days[day] = added(days[day], event.key.kind, _counts(event))
        return dict(days)


def payload_digest(incoming: Incoming, member_id: str) -> str:
    """What an event says beyond its business key, so that the same key with another payload is noticed."""
    original = incoming.original
    return digest(
        {
            "member_id": member_id,
            "occurred_time": incoming.occurred_time.isoformat(timespec="milliseconds"),
            "store_id": incoming.store_id,
            "amount_minor": incoming.amount_minor,
            "currency": incoming.currency,
            "quantity": incoming.quantity,
            "original": None if original is None else [original.external_ref, original.line],
            "attributes": dict(incoming.attributes),
        }
    )


def record(
    batch: Sequence[Incoming],
    known: Known,
    *,
    program: ProgramCalendar,
    source: str,
    now: datetime,
    new_id: Callable[[str], str],
) -> Recording:
    """Decide each event of a batch, in order.

    `known.events` are those that the source has sent before under keys of
    this batch, the originals of refunds included.
    """
    recording = Recording()
    seen, refunded = dict(known.events), dict(known.refunded)
    latest = program.latest(now)
    for incoming in batch:
        result = _first_refusal(
            incoming, known, seen, recording.members, program=program, now=now, latest=latest
        )
        if result is None and incoming.original is not None:
            result = _refund_refusal(incoming, seen.get(incoming.original), refunded, known)
        if result is None:
            event = _accept(incoming, known, recording, program, source, now, new_id)
            seen[event.key] = KnownEvent(
                event.event_id, event.member_id, event.seq, event.amount_minor, event.payload_digest
            )
            if event.original is not None:
                refunded[event.original] = refunded.get(event.original, 0) + event.amount_minor
            result = EventResult("accepted", event_id=event.event_id, seq=event.seq)
        recording.results.append(result)
    return recording


def _first_refusal(
    incoming: Incoming,
    known: Known,
    seen: Mapping[BusinessKey, KnownEvent],
    recorded: Mapping[str, Member],
    *,
    program: ProgramCalendar,
    now: datetime,
    latest: datetime,
) -> EventResult | None:
    """Why an event is not stored; None when it is. Known events come first: who retries hears DUPLICATE."""
    if incoming.fault:
        return _rejected("EVENT_INVALID", incoming.fault)
    if (before := seen.get(incoming.key)) is not None:
        if before.payload_digest == payload_digest(incoming, _member_id(incoming, known)):
            return EventResult("duplicate", event_id=before.event_id, seq=before.seq)
        return _rejected("EVENT_CONFLICT", f"the first had payload digest {before.payload_digest}")
    member = known.members.get(_member_id(incoming, known))
    if member is None:
        return _rejected("MEMBER_UNKNOWN", incoming.member_id or incoming.external_member_id)
    if incoming.occurred_time > latest:
        return _rejected("OCCURRED_IN_FUTURE", f"our clock says {now.isoformat(timespec='seconds')}")
    if incoming.key.kind in MONEY_KINDS and incoming.currency != program.currency:
        return _rejected("CURRENCY_MISMATCH", f"the program's currency is {program.currency}")
    if _lifetime_amount(incoming, recorded.get(member.member_id, member)) > LIFETIME_AMOUNT_MAX:
        return _rejected("EVENT_INVALID", "the member's lifetime amount would be beyond what can be counted")
    if _attribute_bytes(incoming) > ATTRIBUTES_BYTES_MAX:
        return _rejected("EVENT_INVALID", f"attributes: more than {ATTRIBUTES_BYTES_MAX} bytes in all")
    if incoming.store_id and incoming.store_id not in known.stores:
        return _rejected("STORE_UNKNOWN", incoming.store_id)
    return None


def _attribute_bytes(incoming: Incoming) -> int:
    return sum(len(text.encode()) for pair in incoming.attributes.items() for text in pair)


def _refund_refusal(
    incoming: Incoming, purchase: KnownEvent | None, refunded: Mapping[BusinessKey, int], known: Known
) -> EventResult | None:
    """Why a refund is not stored; None when it is."""
    assert incoming.original is not None
    if purchase is None or purchase.member_id != _member_id(incoming, known):
        original = f"{incoming.original.external_ref} line {incoming.original.line}"
        return _rejected("ORIGINAL_UNKNOWN", original)
    left = purchase.amount_minor - refunded.get(incoming.original, 0)
    if incoming.amount_minor > left:
        return _rejected("REFUND_TOO_LARGE", f"{left} are left of the purchase's {purchase.amount_minor}")
    return None


def _lifetime_amount(incoming: Incoming, member: Member) -> int:
    before = member.lifetime.get(incoming.key.kind)
    return incoming.amount_minor + (0 if before is None else before.amount_minor)


def _accept(
    incoming: Incoming,
    known: Known,
    recording: Recording,
    program: ProgramCalendar,
    source: str,
    now: datetime,
    new_id: Callable[[str], str],
) -> Event:
    member_id = _member_id(incoming, known)
    member, changes = recording.members.get(member_id), 0
    if member is None:  # all that the batch changes of a member is announced as one change
        member, changes = known.members[member_id], 1
    counts = Counts(1, incoming.amount_minor, incoming.quantity)
    event = Event(
        event_id=new_id("evt"),
        program_id=program.program_id,
        member_id=member_id,
        seq=member.seq + 1,
        source=source,
        key=incoming.key,
        occurred_time=incoming.occurred_time,
        recorded_time=now,
        business_date=business_date(incoming.occurred_time, program.time_zone),
        store_id=incoming.store_id,
        amount_minor=incoming.amount_minor,
        currency=incoming.currency,
        quantity=incoming.quantity,
        original=incoming.original,
        attributes=incoming.attributes,
        payload_digest=payload_digest(incoming, member_id),
        after=added(member.lifetime, incoming.key.kind, counts),
    )
    recording.events.append(event)
    recording.members[member_id] = _after(member, event, program, changes)
    return event


def _after(member: Member, event: Event, program: ProgramCalendar, changes: int) -> Member:
    """The member after an event; who is back by it is announced as a change of its own."""
    activity = seen(
        member.activity,
        last_seen=member.last_seen_time,
        occurred=event.occurred_time,
        now=program.clock.time(event.recorded_time),
        dormancy=program.dormancy,
    )
    login = event.occurred_time if event.key.kind == "login" else None
    return member._replace(
        seq=event.seq,
        lifetime=event.after,
        last_login_time=_latest(member.last_login_time, login),
        last_activity_time=_latest(member.last_activity_time, event.occurred_time),
        activity=activity,
        change_seq=member.change_seq + changes + (activity.state != member.activity.state),
    )


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _member_id(incoming: Incoming, known: Known) -> str:
    return incoming.member_id or known.member_ids.get(incoming.external_member_id, "")


def _counts(event: Event) -> Counts:
    return Counts(1, event.amount_minor, event.quantity)


def _rejected(reason: str, detail: str) -> EventResult:
    return EventResult("rejected", reason=reason, detail=detail)
