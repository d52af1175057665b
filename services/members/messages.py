"""Between the proto messages of members and its domain, both ways."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from laurel.common.v1 import error_reason_pb2, fact_pb2
from laurel.members.v1 import access_pb2, events_pb2, members_pb2
from libs.common.rpc.time import moment, timestamp, write_time
from libs.common.visibility import Home
from libs.common.watch import Change
from services.members.domain.activity import ActivityState
from services.members.domain.facts import LIFETIME, tally_facts
from services.members.domain.intake import BusinessKey, Event, EventResult, Incoming
from services.members.domain.members import Member, ProgramCalendar, Registered, Registration, Verification
from services.members.domain.reveals import BreakGlass, Reveal

KINDS = MappingProxyType(
    {number: name.removeprefix("EVENT_KIND_").lower() for name, number in events_pb2.EventKind.items()}
)
EVENT_KINDS = frozenset(KINDS.values()) - {"unspecified"}
KIND_NUMBERS = MappingProxyType({name: number for number, name in KINDS.items()})
VERIFICATIONS: MappingProxyType[Verification, events_pb2.Verification.ValueType] = MappingProxyType(
    {
        "unverified": events_pb2.VERIFICATION_UNVERIFIED,
        "verified": events_pb2.VERIFICATION_VERIFIED,
        "suspect": events_pb2.VERIFICATION_SUSPECT,
    }
)
ACTIVITY_STATES: MappingProxyType[ActivityState, events_pb2.ActivityState.ValueType] = MappingProxyType(
    {"active": events_pb2.ACTIVITY_STATE_ACTIVE, "dormant": events_pb2.ACTIVITY_STATE_DORMANT}
)
_VERIFICATION_NAMES = {number: name for name, number in VERIFICATIONS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OUTCOMES = {
    "accepted": members_pb2.EVENT_OUTCOME_ACCEPTED,
    "duplicate": members_pb2.EVENT_OUTCOME_DUPLICATE,
    "rejected": members_pb2.EVENT_OUTCOME_REJECTED,
}


def incoming_event(event: events_pb2.Event, fault: str) -> Incoming:
    """An event as a source tells it, with the rule of its proto that it breaks, if any.

    Of a broken one nothing else is looked at, so its time need be none.
    """
    kind = KINDS.get(event.kind, "unspecified")
    original = (
        BusinessKey(event.original.external_ref, event.original.line, "purchase")
        if event.HasField("original")
        else None
    )
    return Incoming(
        key=BusinessKey(event.external_ref, event.line, kind),
        member_id=event.member_id,
        external_member_id=event.external_member_id,
        occurred_time=_EPOCH if fault else moment(event.occurred_time),
        store_id=event.store_id,
        amount_minor=event.amount_minor,
        currency=event.currency,
        quantity=event.quantity,
        original=original,
        attributes=dict(event.attributes),
        fault=fault,
    )


def registration(message: members_pb2.Registration) -> Registration:
    """One who joins."""
    return Registration(
        external_id=message.external_member_id,
        store_id=message.store_id,
        registered_time=moment(message.registered_time) if message.HasField("registered_time") else None,
        verification=_VERIFICATION_NAMES.get(message.verification, "unverified"),
    )


def home_of(member: Member) -> Home:
    """Where a member belongs."""
    return Home(member.store_id, member.sharing_group, member.registered_by)


def member_message(member: Member) -> members_pb2.Member:
    """A member."""
    activity = member.last_activity_time
    return members_pb2.Member(
        member_id=member.member_id,
        program_id=member.program_id,
        store_id=member.store_id,
        sharing_group=member.sharing_group,
        identities=[
            members_pb2.Identity(source=each.source, external_id=each.external_id)
            for each in member.identities
        ],
        registered_time=timestamp(member.registered_time),
        verification=VERIFICATIONS[member.verification],
        seq=member.seq,
        tiers=dict(member.tiers),
        last_activity_time=None if activity is None else timestamp(activity),
        activity_state=ACTIVITY_STATES[member.activity.state],
        activity_since_time=timestamp(member.activity.since),
        birthday=member.birthday,
    )


def reveal_message(reveal: Reveal) -> access_pb2.Reveal:
    """That a member was shown; it is kept for repeated requests, so it does not say what."""
    return access_pb2.Reveal(
        reveal_id=reveal.reveal_id,
        member_id=reveal.member_id,
        until_time=timestamp(reveal.until_time),
        left_count=reveal.left_count,
    )


def whole(reveal: access_pb2.Reveal, member: Member) -> access_pb2.Reveal:
    """A reveal with the contact data of its member."""
    shown = member_message(member)
    found = access_pb2.Reveal(identities=shown.identities, birthday=shown.birthday)
    found.MergeFrom(reveal)
    return found


def break_glass_message(glass: BreakGlass) -> access_pb2.BreakGlass:
    """A break-glass."""
    return access_pb2.BreakGlass(
        break_glass_id=glass.break_glass_id,
        opened_time=timestamp(glass.opened_time),
        until_time=timestamp(glass.until_time),
        reveals_count=glass.reveals_count,
        opened_by=glass.opened_by,
    )


def registered(results: list[Registered]) -> members_pb2.RegisterMembersResponse:
    """One answer per registration; it is kept for repeated requests, so it says no birthdays."""
    return members_pb2.RegisterMembersResponse(
        results=[
            members_pb2.RegisterMemberResult(
                member=None if each.member is None else member_message(each.member._replace(birthday="")),
                created=each.created,
                reason=reason_number(each.reason),
            )
            for each in results
        ]
    )


def event_results(results: list[EventResult]) -> list[members_pb2.EventResult]:
    """One answer per event."""
    return [
        members_pb2.EventResult(
            outcome=_OUTCOMES[each.outcome],
            reason=reason_number(each.reason),
            detail=each.detail,
            event_id=each.event_id,
            seq=each.seq,
        )
        for each in results
    ]


def clock_message(program: ProgramCalendar, time: datetime) -> members_pb2.ProgramClock:
    """What time it is in a program."""
    clock = program.clock
    return members_pb2.ProgramClock(
        program_id=program.program_id,
        time=timestamp(time),
        replay_from_time=None if clock.replay_from is None else timestamp(clock.replay_from),
        ticking=clock.ticking,
        time_zone=program.time_zone,
    )


def clock_moved(before: datetime, after: datetime) -> members_pb2.MoveClockResponse:
    """From when to when a clock was moved."""
    return members_pb2.MoveClockResponse(from_time=timestamp(before), to_time=timestamp(after))


def fill_recorded(message: events_pb2.RecordedEvent, event: Event) -> None:
    """Write an event with the lifetime facts right after it, in its place: what is handed over is copied."""
    message.event_id = event.event_id
    message.seq = event.seq
    message.kind = KIND_NUMBERS[event.key.kind]
    message.source = event.source
    message.external_ref = event.key.external_ref
    message.line = event.key.line
    write_time(message.occurred_time, event.occurred_time)
    write_time(message.recorded_time, event.recorded_time)
    message.store_id = event.store_id
    message.amount_minor = event.amount_minor
    message.currency = event.currency
    message.quantity = event.quantity
    if event.original is not None:
        message.original.external_ref = event.original.external_ref
        message.original.line = event.original.line
    for name, value in sorted(tally_facts(event.after, LIFETIME).items()):
        message.after.add(name=name, value=value)
    if event.attributes:
        message.attributes.update(event.attributes)


def watched(change: Change) -> members_pb2.WatchMemberResponse:
    """A change as it is told to who watches; of a kind that they know, or only its place."""
    answer = members_pb2.WatchMemberResponse(seq=change.seq)
    if change.recorded_time is not None:
        answer.recorded_time.CopyFrom(timestamp(change.recorded_time))
    match change.type:
        case "MemberRegistered":
            answer.joined.SetInParent()
        case "FactsChanged":
            answer.events_recorded.CopyFrom(_events_recorded(change.payload))
        case "ActivityChanged":
            announced = events_pb2.ActivityChanged.FromString(change.payload)
            answer.activity_changed.CopyFrom(announced.change)
    return answer


def _events_recorded(payload: bytes) -> members_pb2.EventsRecorded:
    changed = events_pb2.FactsChanged.FromString(payload)
    return members_pb2.EventsRecorded(
        event_seq_from=changed.seq_from,
        event_seq_to=changed.seq_to,
        kinds=sorted({event.kind for event in changed.events}),
    )


def facts_messages(facts: Mapping[str, int]) -> list[fact_pb2.Fact]:
    """Facts, sorted by name."""
    return [fact_pb2.Fact(name=name, value=value) for name, value in sorted(facts.items())]


def reason_number(reason: str) -> error_reason_pb2.ErrorReason.ValueType:
    """The number of a reason; UNSPECIFIED for none."""
    return error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{reason or 'UNSPECIFIED'}")
