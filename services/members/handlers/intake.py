"""Use cases that write: members register, and what they do is recorded."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.backlog import unsent_count
from libs.common.errors import IdempotencyKeyReused, Overloaded
from libs.common.mongo import Document, Request
from libs.common.together import Ask, Together, WriterQueue
from libs.common.tracing import traceparent
from services.members.domain.intake import EventResult, Incoming, Known, Recording, record
from services.members.domain.members import (
    Member,
    Partner,
    Registered,
    Registration,
    register,
)
from services.members.handlers.programs import ProgramHandlers
from services.members.outbox import activity_changed, facts_changed, member_registered
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)
# The program, and the partner who sends.
Source = tuple[str, str]

OUTBOX_COUNT_SECONDS = 1.0
EVENTS_AT_ONCE = 500


class IntakeHandlers:
    """Registers members and records events, each batch in one transaction."""

    def __init__(
        self,
        store: MembersStore,
        programs: ProgramHandlers,
        *,
        queue: WriterQueue,
        outbox_unsent_max: int,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._queue = store, programs, queue
        self._outbox_unsent_max, self._now, self._new_id = outbox_unsent_max, now, new_id
        self._counted, self._unsent = float("-inf"), 0
        self._together = Together(queue, self._record_alone, self._record_together, at_once=EVENTS_AT_ONCE)

    async def register_members(
        self,
        program_id: str,
        source: str,
        registrations: Sequence[Registration],
        request: Request[M],
        answer: Callable[[list[Registered]], M],
    ) -> M:
        program = await self._programs.program(program_id)
        await self._require_room()

        async def attempt(members: MembersStore) -> M:
            partner = await self._programs.partner(program_id, source)
            known = await members.members_of_source(
                program_id, source, [each.external_id for each in registrations]
            )
            groups = await members.sharing_groups(program_id)
            results = register(
                registrations,
                known,
                program=program,
                source=source,
                stores={store_id: groups[store_id] for store_id in partner.store_ids},
                now=self._now(),
                new_id=self._new_id,
            )
            new = [each.member for each in results if each.member is not None and each.created]
            await members.add_members(new)
            await members.announce([member_registered(member, now=self._now()) for member in new])
            return answer(results)

        async with self._queue:
            return await self._store.once(request, attempt, now=self._now)

    async def record_events(
        self,
        program_id: str,
        source: str,
        batch: Sequence[Incoming],
        request: Request[M],
        answer: Callable[[list[EventResult]], M],
    ) -> M:
        """Record a batch, in one transaction with others of this source that wait for their turn as well."""
        await self._programs.program(program_id)
        await self._require_room()
        return await self._together.answer((program_id, source), Ask(request, batch, answer))

    async def _record_alone(self, source: Source, ask: Ask[M]) -> M:
        async def attempt(members: MembersStore) -> M:
            return (await self._record(members, source, [ask]))[0]

        return await self._store.once(ask.request, attempt, now=self._now)

    async def _record_together(
        self, source: Source, asks: Sequence[Ask[M]]
    ) -> Sequence[M | IdempotencyKeyReused]:
        async def attempt(members: MembersStore, new: Sequence[int]) -> Sequence[M]:
            return await self._record(members, source, [asks[place] for place in new])

        return await self._store.once_each([ask.request for ask in asks], attempt, now=self._now)

    async def _record(self, members: MembersStore, source: Source, asks: Sequence[Ask[M]]) -> list[M]:
        """Record the events of some calls, one after another; gives their answers."""
        program = await self._programs.program(source[0])
        partner = await self._programs.partner(*source)
        batch = [incoming for ask in asks for incoming in ask.batch]
        known, now = await _known(members, partner, batch), self._now()
        recording = record(
            batch, known, program=program, source=partner.partner_id, now=now, new_id=self._new_id
        )
        if recording.events and program.clock.replay_from is not None and program.clock.started is None:
            await members.start_clock(program.program_id, now)
        found = iter(recording.results)
        results = [list(islice(found, len(ask.batch))) for ask in asks]
        traces = {
            each.event_id: trace
            for ask, own in zip(asks, results, strict=True)
            for trace in (ask.context.run(traceparent),)
            for each in own
            if each.outcome == "accepted"
        }
        await members.keep_recording(
            recording, known.members, partial(_announcements, known, recording, now=now, traces=traces)
        )
        return [ask.answer(own) for ask, own in zip(asks, results, strict=True)]

    async def _require_room(self) -> None:
        """Take nothing in while what was taken in is not getting out."""
        if time.monotonic() - self._counted > OUTBOX_COUNT_SECONDS:
            self._unsent = await unsent_count(self._store.database)
            self._counted = time.monotonic()
        if self._unsent > self._outbox_unsent_max:
            raise Overloaded


def _announcements(
    known: Known, recording: Recording, *, now: datetime, traces: Mapping[str, str]
) -> list[Document]:
    """What each member's new events change: the facts, and that a member is back who was asleep.

    `traces` are those in which the events came, by their ids; where several did, it goes on with the first.
    """
    rows = []
    for member_id, events in sorted(recording.runs().items()):
        before, after = known.members[member_id], recording.members[member_id]
        trace = traces[events[0].event_id]
        rows.append(facts_changed(after, events, change_seq=before.change_seq + 1, now=now, trace=trace))
        if after.activity.state != before.activity.state:
            rows.append(activity_changed(after, wake_up=False, now=now, trace=trace))
    return rows


async def _known(members: MembersStore, partner: Partner, batch: Sequence[Incoming]) -> Known:
    program_id, source = partner.program_id, partner.partner_id
    originals = [each.original for each in batch if each.original is not None]
    events = await members.known_events(program_id, source, [*(each.key for each in batch), *originals])
    by_id = await members.members(program_id, [each.member_id for each in batch if each.member_id])
    named = [each.external_member_id for each in batch if each.external_member_id]
    by_name: dict[str, Member] = await members.members_of_source(program_id, source, named)
    return Known(
        members=by_id | {member.member_id: member for member in by_name.values()},
        member_ids={external_id: member.member_id for external_id, member in by_name.items()},
        events=events,
        refunded=await members.refunded(program_id, source, originals),
        stores=frozenset(partner.store_ids),
    )
