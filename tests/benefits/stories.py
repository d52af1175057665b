"""What members did, as the members service tells it: announcements on its stream, and pages to pull."""

import math
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from laurel.common.v1 import fact_pb2, lookup_pb2
from laurel.members.v1 import events_pb2, members_pb2, members_pb2_grpc
from libs.common.ids import new_id
from libs.common.redis import StreamMessage, partition_of
from libs.common.rpc.time import moment, timestamp
from libs.common.visibility import Home
from tests.support.builders import DAY, NOON, PROGRAM

JOINED = NOON - 30 * DAY
PAGE_MAX = 500
YEAR, LIFETIME = "purchase.amount_minor.year", "purchase.amount_minor.lifetime"
LAST_YEAR = "purchase.amount_minor.365d"
COUNTED = {
    number: f"{name.removeprefix('EVENT_KIND_').lower()}.count.lifetime"
    for name, number in events_pb2.EventKind.items()
}
# Of sandboxes, where a test sets no other: whatever happens in a story is history by then.
SANDBOX_TIME = datetime(1998, 7, 1, tzinfo=UTC)


class Story:
    """A member and what they did, each event with the lifetime facts right after it."""

    def __init__(
        self, program_id: str = PROGRAM, member_id: str | None = None, home: Home | None = None
    ) -> None:
        self.program_id = program_id
        self.home = home or Home("online", "", "shop")
        self.member_id = member_id or new_id("mem")
        self.events: list[events_pb2.RecordedEvent] = []
        self._facts: Counter[str] = Counter()

    @property
    def partition(self) -> int:
        """The partition that tells of this member."""
        return partition_of(self.member_id)

    def buys(self, *amounts: int, at: datetime = NOON) -> "Story":
        """Purchases of so many minor units, a day apart."""
        for place, amount_minor in enumerate(amounts):
            self._facts["purchase.amount_minor.lifetime"] += amount_minor
            self._record(
                events_pb2.EVENT_KIND_PURCHASE, at + place * DAY, amount_minor=amount_minor, currency="USD"
            )
        return self

    def buys_lines(self, ref: str, *amounts: int, at: datetime = NOON) -> "Story":
        """The lines of one receipt, numbered from 1."""
        for line, amount_minor in enumerate(amounts, start=1):
            self.buys(amount_minor, at=at)
            self.events[-1].external_ref, self.events[-1].line = ref, line
        return self

    def invites(self, count: int, at: datetime = NOON) -> "Story":
        """Friends who registered."""
        for _ in range(count):
            self._record(events_pb2.EVENT_KIND_INVITE, at)
        return self

    def refunds(self, seq: int, amount_minor: int, at: datetime = NOON + 30 * DAY) -> "Story":
        """Money back for the purchase that was the event of this sequence."""
        self._facts["purchase.amount_minor.lifetime"] -= amount_minor
        original = self.events[seq - 1]
        self._record(
            events_pb2.EVENT_KIND_REFUND,
            at,
            amount_minor=amount_minor,
            currency="USD",
            original=events_pb2.EventReference(external_ref=original.external_ref, line=original.line),
        )
        return self

    def does(
        self, kind: events_pb2.EventKind.ValueType, *times: datetime, ref: str = "", **fields: Any
    ) -> "Story":
        """Events of a kind at these times; once at noon where none is said."""
        for at in times or (NOON,):
            self._record(kind, at, **fields)
            self.events[-1].external_ref = ref or self.events[-1].external_ref
        return self

    def _record(self, kind: events_pb2.EventKind.ValueType, at: datetime, **fields: Any) -> None:
        self._facts[COUNTED[kind]] += 1
        seq = len(self.events) + 1
        self.events.append(
            events_pb2.RecordedEvent(
                event_id=new_id("evt"),
                seq=seq,
                kind=kind,
                source="shop",
                external_ref=f"{self.member_id}-{seq}",
                occurred_time=timestamp(at),
                recorded_time=timestamp(at),
                after=[fact_pb2.Fact(name=fact, value=value) for fact, value in sorted(self._facts.items())],
                **fields,
            )
        )

    def spent(self, as_of: datetime, through_seq: int) -> dict[str, int]:
        """What the events up to a time and a sequence, all when it is 0, come to, and how many there are."""
        facts = Counter({YEAR: 0, LIFETIME: 0, LAST_YEAR: 0})
        for event in self.events[: through_seq or None]:
            at = moment(event.occurred_time)
            signed = {events_pb2.EVENT_KIND_PURCHASE: 1, events_pb2.EVENT_KIND_REFUND: -1}.get(event.kind, 0)
            if at <= as_of:
                facts[COUNTED[event.kind]] += 1
                facts[LIFETIME] += signed * event.amount_minor
                facts[YEAR] += signed * event.amount_minor * (at.year == as_of.year)
                facts[LAST_YEAR] += signed * event.amount_minor * (as_of - at < 365 * DAY)
        return dict(facts)

    def registration(self) -> StreamMessage:
        """The announcement that they joined."""
        return _announced(
            events_pb2.MemberRegistered(
                program_id=self.program_id,
                member_id=self.member_id,
                registered_time=timestamp(JOINED),
                verification=events_pb2.VERIFICATION_UNVERIFIED,
                home=self.home.message(),
            )
        )

    def told(self, first: int = 1, last: int | None = None) -> StreamMessage:
        """The announcement of the events from one sequence to another, as one transaction recorded them."""
        events = self.events[first - 1 : last]
        return _announced(
            events_pb2.FactsChanged(
                program_id=self.program_id,
                member_id=self.member_id,
                seq_from=events[0].seq,
                seq_to=events[-1].seq,
                events=events,
                registered_time=timestamp(JOINED),
                verification=events_pb2.VERIFICATION_UNVERIFIED,
            )
        )

    def told_in(self, *lengths: int) -> list[StreamMessage]:
        """The announcements of so many events each, from the first on."""
        messages, first = [], 1
        for length in lengths:
            messages.append(self.told(first, first + length - 1))
            first += length
        return messages


def _columns(stories: Sequence[Story], names: Sequence[str], as_of: datetime) -> list[bytes]:
    """Facts at a time as little-endian float64, NaN where there is none."""
    facts = [story.spent(as_of, 0) for story in stories]
    return [struct.pack(f"<{len(facts)}d", *(each.get(name) or math.nan for each in facts)) for name in names]


def _announced(message: events_pb2.MemberRegistered | events_pb2.FactsChanged) -> StreamMessage:
    return StreamMessage("0-1", message.DESCRIPTOR.name, _bytes(message), message.member_id)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def fields(message: StreamMessage) -> dict[Any, Any]:
    """A message as the relay writes it to a stream."""
    return {"type": message.type, "payload": message.payload, "subject": message.subject}


class FakeMembers(members_pb2_grpc.MembersServiceServicer):
    """The members service, as far as benefits asks it: pages of events, and the clocks of sandboxes."""

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}
        self.pulled: list[tuple[str, int]] = []
        self.times: dict[str, datetime] = {}

    def knows(self, stories: Sequence[Story]) -> None:
        """Have these recorded."""
        self._stories |= {story.member_id: story for story in stories}

    async def ListMemberEvents(
        self, message: members_pb2.ListMemberEventsRequest, context: Any
    ) -> members_pb2.ListMemberEventsResponse:
        self.pulled.append((message.member_id, message.after_seq))
        following = self._stories[message.member_id].events[message.after_seq :]
        page = following[: message.page_size or 100]
        assert len(page) <= PAGE_MAX
        return members_pb2.ListMemberEventsResponse(
            events=page, more=len(following) > len(page), registered_time=timestamp(JOINED)
        )

    async def BatchGetMembers(
        self, message: members_pb2.BatchGetMembersRequest, context: Any
    ) -> members_pb2.BatchGetMembersResponse:
        found = lookup_pb2.LOOKUP_STATUS_FOUND
        return members_pb2.BatchGetMembersResponse(
            results=[
                members_pb2.MemberResult(
                    status=found,
                    member=members_pb2.Member(member_id=each, seq=len(self._stories[each].events)),
                )
                if each in self._stories
                else members_pb2.MemberResult(status=lookup_pb2.LOOKUP_STATUS_MISSING)
                for each in message.member_ids
            ]
        )

    async def BatchGetFacts(
        self, message: members_pb2.BatchGetFactsRequest, context: Any
    ) -> members_pb2.BatchGetFactsResponse:
        """Net spend of the calendar's year, in UTC, and of a lifetime: what the ladders of tests read."""
        results = []
        for key in message.keys:
            facts = self._stories[key.member_id].spent(moment(key.as_of), key.through_seq)
            for each in key.possible:
                bought = each.amount_minor * (each.kind == events_pb2.EVENT_KIND_PURCHASE)
                facts = {name: value + bought for name, value in facts.items()}
            told = [fact_pb2.Fact(name=name, value=facts.get(name, 0)) for name in message.names]
            results.append(members_pb2.FactsResult(status=lookup_pb2.LOOKUP_STATUS_FOUND, facts=told))
        return members_pb2.BatchGetFactsResponse(results=results)

    async def StreamMemberAttributes(
        self, message: members_pb2.StreamMemberAttributesRequest, context: Any
    ) -> AsyncIterator[members_pb2.StreamMemberAttributesResponse]:
        """The store, and the partner that registered them, of two members an answer."""
        of = {1: "store_id", 2: "partner_id"}
        known = self._of(message.program_id)
        for start in range(0, len(known), 2):
            some = known[start : start + 2]
            yield members_pb2.StreamMemberAttributesResponse(
                member_ids=[each.member_id for each in some],
                columns=[
                    members_pb2.AttributeColumn(
                        values=[getattr(each.home, of[attribute]) for each in some], places=range(len(some))
                    )
                    for attribute in message.attributes
                ],
            )

    async def DivideMembers(
        self, message: members_pb2.DivideMembersRequest, context: Any
    ) -> members_pb2.DivideMembersResponse:
        """Two members a part, however many parts were asked for: then there is more than one of a few."""
        ids = [each.member_id for each in self._of(message.program_id)]
        ends = ids[1:-1:2]
        return members_pb2.DivideMembersResponse(through_member_ids=ends, members_total=len(ids))

    async def StreamFactColumns(
        self, message: members_pb2.StreamFactColumnsRequest, context: Any
    ) -> AsyncIterator[members_pb2.StreamFactColumnsResponse]:
        """What BatchGetFacts gives, of three members an answer; other facts nobody has."""
        last = message.through_member_id or "n"
        known = [
            each for each in self._of(message.program_id) if message.after_member_id < each.member_id <= last
        ]
        for start in range(0, len(known), 3):
            some = known[start : start + 3]
            first, *more = [
                members_pb2.FactColumnsAt(as_of=date, columns=_columns(some, message.facts, moment(date)))
                for date in (message.as_of, *message.more_dates)
            ]
            yield members_pb2.StreamFactColumnsResponse(
                member_ids=[each.member_id for each in some],
                columns=first.columns,
                as_of=first.as_of,
                members_total=len(known),
                more_dates=more,
            )

    def _of(self, program_id: str) -> list[Story]:
        return sorted(
            (each for each in self._stories.values() if each.program_id == program_id),
            key=lambda each: each.member_id,
        )

    async def BatchGetClocks(
        self, message: members_pb2.BatchGetClocksRequest, context: Any
    ) -> members_pb2.BatchGetClocksResponse:
        clocks = [
            members_pb2.ProgramClock(program_id=each, time=timestamp(self.times.get(each, SANDBOX_TIME)))
            for each in message.program_ids
        ]
        found = lookup_pb2.LOOKUP_STATUS_FOUND
        return members_pb2.BatchGetClocksResponse(
            results=[members_pb2.ClockResult(status=found, clock=clock) for clock in clocks]
        )
