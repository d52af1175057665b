"""What members announces, as rows of the outbox."""

from collections.abc import Sequence
from datetime import datetime

from laurel.members.v1 import events_pb2
from libs.common.mongo import Document
from libs.common.outbox import outbox_row
from libs.common.rpc.time import timestamp, write_time
from services.members.domain.intake import Event
from services.members.domain.members import Member
from services.members.domain.reveals import BreakGlass
from services.members.messages import ACTIVITY_STATES, VERIFICATIONS, fill_recorded, home_of

STREAM = "members.events"
# Who must have read an announcement before the stream may forget it.
READERS = ("benefits", "risk")


def member_registered(member: Member, *, now: datetime) -> Document:
    """A member has joined: the place before the first event of their sequence."""
    message = events_pb2.MemberRegistered(
        program_id=member.program_id,
        member_id=member.member_id,
        registered_time=timestamp(member.registered_time),
        verification=VERIFICATIONS[member.verification],
        home=home_of(member).message(),
    )
    return outbox_row(message, member_id=member.member_id, change_seq=member.change_seq, now=now)


def facts_changed(
    member: Member, events: Sequence[Event], *, change_seq: int, now: datetime, trace: str
) -> Document:
    """Events of one member were recorded, in one transaction and without gaps."""
    first, last = events[0].seq, events[-1].seq
    message = events_pb2.FactsChanged(
        program_id=member.program_id,
        member_id=member.member_id,
        seq_from=first,
        seq_to=last,
        verification=VERIFICATIONS[member.verification],
    )
    write_time(message.registered_time, member.registered_time)
    for event in events:
        fill_recorded(message.events.add(), event)
    return outbox_row(message, member_id=member.member_id, change_seq=change_seq, now=now, trace=trace)


def birthday_changed(member: Member, *, now: datetime) -> Document:
    """A member's birthday is another one, or none."""
    message = events_pb2.BirthdayChanged(
        program_id=member.program_id,
        member_id=member.member_id,
        birthday=member.birthday,
        change_seq=member.change_seq,
    )
    return outbox_row(message, member_id=member.member_id, change_seq=member.change_seq, now=now)


def break_glass_opened(glass: BreakGlass, *, now: datetime) -> Document:
    """Somebody may reveal members for a while; the only announcement about this break-glass."""
    message = events_pb2.BreakGlassOpened(
        program_id=glass.program_id,
        break_glass_id=glass.break_glass_id,
        opened_by=glass.opened_by,
        until_time=timestamp(glass.until_time),
    )
    return outbox_row(message, member_id=glass.break_glass_id, change_seq=1, now=now)


def activity_changed(member: Member, *, wake_up: bool, now: datetime, trace: str | None = None) -> Document:
    """A member fell asleep, or is back."""
    change = events_pb2.ActivityChange(
        state=ACTIVITY_STATES[member.activity.state],
        since_time=timestamp(member.activity.since),
        spell=member.activity.spell,
        wake_up=wake_up,
    )
    message = events_pb2.ActivityChanged(
        program_id=member.program_id,
        member_id=member.member_id,
        change=change,
        home=home_of(member).message(),
    )
    return outbox_row(message, member_id=member.member_id, change_seq=member.change_seq, now=now, trace=trace)
