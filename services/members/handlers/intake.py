"""Use cases that write: members register, and what they do is recorded."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.backlog import unsent_count
from libs.common.errors import Overloaded
from libs.common.mongo import Document, Request
from services.members.domain.intake import EventResult, Incoming, Known, Recording, record
from services.members.domain.members import (
    Member,
    Partner,
    ProgramCalendar,
    Registered,
    Registration,
    register,
)
from services.members.handlers.programs import ProgramHandlers, require_partner
from services.members.outbox import activity_changed, facts_changed, member_registered
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)

OUTBOX_COUNT_SECONDS = 1.0


class IntakeQueue:
    """One intake transaction at a time; so many may wait, more are refused.

    Side by side they conflict on members and days and are made again: four
    writers came to a third of the events that one writes.
    """

    def __init__(self, waiting_max: int) -> None:
        self._turn, self._waiting, self._waiting_max = asyncio.Lock(), 0, waiting_max

    async def __aenter__(self) -> None:
        if self._waiting >= self._waiting_max:
            raise Overloaded
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._turn.release()


class IntakeHandlers:
    """Registers members and records events, each batch in one transaction."""

    def __init__(
        self,
        store: MembersStore,
        programs: ProgramHandlers,
        *,
        queue: IntakeQueue,
        outbox_unsent_max: int,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._store, self._programs, self._queue = store, programs, queue
        self._outbox_unsent_max, self._now, self._new_id = outbox_unsent_max, now, new_id
        self._counted, self._unsent = float("-inf"), 0

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
            partner = await require_partner(members, program_id, source)
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
        program = await self._programs.program(program_id)
        await self._require_room()

        async def attempt(members: MembersStore) -> M:
            partner = await require_partner(members, program_id, source)
            return answer(await self._record(members, program, partner, batch))

        async with self._queue:
            return await self._store.once(request, attempt, now=self._now)

    async def _record(
        self, members: MembersStore, program: ProgramCalendar, partner: Partner, batch: Sequence[Incoming]
    ) -> list[EventResult]:
        known = await _known(members, partner, batch)
        recording = record(
            batch, known, program=program, source=partner.partner_id, now=self._now(), new_id=self._new_id
        )
        if recording.events and program.clock.replay_from is not None and program.clock.started is None:
            await members.start_clock(program.program_id, self._now())
        await members.keep_recording(recording, _announcements(known, recording, self._now()))
        return recording.results

    async def _require_room(self) -> None:
        """Take nothing in while what was taken in is not getting out."""
        if time.monotonic() - self._counted > OUTBOX_COUNT_SECONDS:
            self._unsent = await unsent_count(self._store.database)
            self._counted = time.monotonic()
        if self._unsent > self._outbox_unsent_max:
            raise Overloaded


def _announcements(known: Known, recording: Recording, now: datetime) -> list[Document]:
    """What each member's new events change: the facts, and that a member is back who was asleep."""
    rows = []
    for member_id, events in sorted(recording.runs().items()):
        before, after = known.members[member_id], recording.members[member_id]
        rows.append(facts_changed(after, events, change_seq=before.change_seq + 1, now=now))
        if after.activity.state != before.activity.state:
            rows.append(activity_changed(after, wake_up=False, now=now))
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
