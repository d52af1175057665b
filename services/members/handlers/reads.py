"""Use cases that read: members, their facts at a time, their events, and how far the pipeline is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.common import mongo
from libs.common.clock import business_date
from libs.common.errors import InvalidRequest
from libs.common.homes import homes_seen
from libs.common.visibility import Home, caller_sees
from services.members.domain.errors import MemberUnknown
from services.members.domain.fact_columns import facts_named, require_facts
from services.members.domain.facts import Counts, facts_at, less, total
from services.members.domain.intake import Event
from services.members.domain.members import Member, ProgramCalendar
from services.members.handlers.programs import ProgramHandlers
from services.members.messages import home_of
from services.members.repository.store import MembersStore

FACTS_MAX = 50_000


@dataclass(frozen=True, slots=True)
class FactsKey:
    """A member at a time; only events up to a sequence, unless that is 0; and what might happen then, too."""

    member_id: str
    as_of: datetime | None
    through_seq: int
    possible: Sequence[tuple[str, Counts]] = ()


@dataclass(frozen=True, slots=True)
class FactsAt:
    """The facts of a member at a time."""

    as_of: datetime
    facts: Mapping[str, int]


class ReadHandlers:
    """Answers what is known, without changing anything."""

    def __init__(
        self,
        store: MembersStore,
        programs: ProgramHandlers,
        now: Callable[[], datetime],
        *,
        kinds: Collection[str],
    ) -> None:
        """`kinds` are those that events have."""
        self._store, self._programs, self._now, self._kinds = store, programs, now, kinds

    async def members(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Member]:
        """Those of the members that the caller may see."""
        return _seen(await self._store.members(program_id, member_ids))

    async def homes(self, program_id: str, member_ids: Collection[str]) -> dict[str, Home]:
        """Where members belong, whoever asks."""
        return {
            key: home_of(each) for key, each in (await self._store.members(program_id, member_ids)).items()
        }

    async def list_members(
        self, program_id: str, *, after: str | None, tier: tuple[str, str] | None, limit: int
    ) -> tuple[list[Member], bool]:
        """A page, and whether there are more."""
        await self._programs.program(program_id)
        members = await self._store.list_members(
            program_id, after=after, tier=tier, homes=homes_seen(), limit=limit + 1
        )
        return members[:limit], len(members) > limit

    async def facts(
        self, program_id: str, keys: Sequence[FactsKey], names: Sequence[str]
    ) -> list[FactsAt | None]:
        """The facts of each key, read at one moment; None where there is no such member.

        Those of some names, which may count in any window, or all that count in the usual ones.
        """
        require_facts(names, self._kinds)
        if len(keys) * len(names) > FACTS_MAX:
            raise InvalidRequest(names=f"times keys are {len(keys) * len(names)}, {FACTS_MAX} are allowed")
        program = await self._programs.program(program_id)
        program_now = program.clock.time(self._now())
        async with mongo.snapshot(self._store.database.client) as session:
            store = MembersStore(self._store.database, session)
            known = _seen(await store.members(program_id, [key.member_id for key in keys]))
            present = [key for key in keys if key.member_id in known]
            days, events = await _days_and_events(store, present, program, program_now)
        found: list[FactsAt | None] = []
        for key in keys:
            if key.member_id not in known:
                found.append(None)
                continue
            as_of = key.as_of or program_now
            today = business_date(as_of, program.time_zone)
            tallies = _tallies(
                key, days.get(key.member_id, {}), events.get(key.member_id, []), as_of=as_of, today=today
            )
            facts = facts_named(names, self._kinds, tallies, today) if names else facts_at(tallies, today)
            found.append(FactsAt(as_of, facts))
        return found

    async def list_events(
        self, program_id: str, member_id: str, *, after_seq: int, limit: int
    ) -> tuple[Member, list[Event], bool]:
        """The member, a page of events, and whether there are more."""
        member = await self._member(program_id, member_id)
        events = await self._store.list_events(member_id, after_seq=after_seq, limit=limit + 1)
        return member, events[:limit], len(events) > limit

    async def latest_change(self, program_id: str, member_id: str) -> int:
        """The place of the latest change of a member whom the caller may see."""
        return (await self._member(program_id, member_id)).change_seq

    async def _member(self, program_id: str, member_id: str) -> Member:
        member = (await self.members(program_id, [member_id])).get(member_id)
        if member is None:
            raise MemberUnknown(member_id=member_id)
        return member


def _seen(members: Mapping[str, Member]) -> dict[str, Member]:
    """Without those whom the caller may not see, who are as if they were not there."""
    return {
        member_id: member for member_id, member in members.items() if caller_sees(member_id, home_of(member))
    }


Days = dict[str, dict[date, dict[str, Counts]]]


async def _days_and_events(
    store: MembersStore, keys: Sequence[FactsKey], program: ProgramCalendar, program_now: datetime
) -> tuple[Days, dict[str, list[Event]]]:
    """The whole days before the last day that is asked about, and the events that may not count whole.

    Those are the events of the days themselves, and of earlier days those that came after a sequence.
    """
    asked: dict[str, set[date]] = {}
    through: dict[str, int] = {}
    for key in keys:
        asked.setdefault(key.member_id, set()).add(business_date(key.as_of or program_now, program.time_zone))
        if key.through_seq:
            through[key.member_id] = min(key.through_seq, through.get(key.member_id, key.through_seq))
    if not asked:
        return {}, {}
    latest = {member_id: max(dates) for member_id, dates in asked.items()}
    days = await store.days_before(latest)
    events = await store.events_of_days(asked)
    late = await store.events_after(through, latest)
    return days, {
        member_id: [*events.get(member_id, ()), *late.get(member_id, ())] for member_id in {*events, *late}
    }


def _tallies(
    key: FactsKey,
    days: Mapping[date, Mapping[str, Counts]],
    events: Sequence[Event],
    *,
    as_of: datetime,
    today: date,
) -> dict[date, Mapping[str, Counts]]:
    """The tallies of the days up to a time, of events up to the key's sequence, and of its possible ones."""
    before = {day: tally for day, tally in days.items() if day < today}
    so_far = [{kind: counts} for kind, counts in key.possible]
    for event in {event.event_id: event for event in events}.values():
        counted = {event.key.kind: Counts(1, event.amount_minor, event.quantity)}
        late = 0 < key.through_seq < event.seq
        if event.business_date == today and event.occurred_time <= as_of and not late:
            so_far.append(counted)
        elif event.business_date < today and late:
            before[event.business_date] = less(before[event.business_date], counted)
    return {**before, today: total(so_far)} if so_far else before
