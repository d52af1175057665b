"""Use cases around programs: what members knows of them, their clocks, stores and partners."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.errors import ProgramUnknown, Refusal
from libs.common.mongo import Request
from libs.common.telemetry import log
from services.members.domain.clocks import moved
from services.members.domain.errors import AlreadyExists, PartnerUnknown, StoreUnknown
from services.members.domain.members import Partner, ProgramCalendar, Store
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)

# A clock that another replica moved is right here after so long at most.
KNOWN_SECONDS = 1.0
# A new version's days of dormancy count after so long at most, while benefits answers.
READ_ANEW_SECONDS = 30.0
PROGRAMS_AT_ONCE = 500


class Programs(Protocol):
    """Where programs are read from when they are not known here."""

    async def calendars(self, program_ids: Sequence[str]) -> Mapping[str, ProgramCalendar]:
        """What is to be known of those programs that there are."""


class ProgramHandlers:
    """Programs as members knows them: fetched when first met, then kept, and remembered for a second."""

    def __init__(self, store: MembersStore, programs: Programs, now: Callable[[], datetime]) -> None:
        self._store, self._programs, self._now = store, programs, now
        self._known: dict[str, tuple[float, ProgramCalendar]] = {}
        self._partners: dict[tuple[str, str], tuple[float, Partner]] = {}
        self._read_anew = float("-inf")

    async def program(self, program_id: str) -> ProgramCalendar:
        """The program, or ProgramUnknown."""
        found = await self.programs([program_id])
        if program_id not in found:
            raise ProgramUnknown(program_id=program_id)
        return found[program_id]

    async def programs(self, program_ids: Collection[str]) -> dict[str, ProgramCalendar]:
        """Those of these programs that there are, as they were a second ago or later."""
        moment = time.monotonic()
        young = {each: self._known[each] for each in program_ids if each in self._known}
        found = {each: program for each, (read, program) in young.items() if moment - read < KNOWN_SECONDS}
        old = set(program_ids) - set(found)
        if old:
            read = await self._store.programs(old)
            read |= await self._fetched(sorted(old - set(read)))
            self._known |= {each: (moment, program) for each, program in read.items()}
            found |= read
        return found

    async def _fetched(self, program_ids: Sequence[str]) -> Mapping[str, ProgramCalendar]:
        """Programs that are met for the first time."""
        if not program_ids:
            return {}
        programs = await self._programs.calendars(program_ids)
        await self._store.keep_programs(programs.values())
        return programs

    async def partner(self, program_id: str, partner_id: str) -> Partner:
        """The partner as it was a second ago or later, or PartnerUnknown."""
        moment = time.monotonic()
        read, partner = self._partners.get((program_id, partner_id), (float("-inf"), None))
        if partner is None or moment - read >= KNOWN_SECONDS:
            partner = await self._store.partner(program_id, partner_id)
            if partner is None:
                raise PartnerUnknown(partner_id=partner_id)
            self._partners[program_id, partner_id] = moment, partner
        return partner

    async def clocks(self, program_ids: Collection[str]) -> dict[str, tuple[ProgramCalendar, datetime]]:
        """Those of these programs that there are, with what time it is in each."""
        found = await self.programs(program_ids)
        now = self._now()
        return {each: (program, program.clock.time(now)) for each, program in found.items()}

    async def times(self) -> dict[str, datetime]:
        """What time it is in each program that is known here; their days of dormancy are read anew."""
        programs = await self._store.programs()
        if programs and time.monotonic() - self._read_anew > READ_ANEW_SECONDS:
            await self._refresh(sorted(programs))
        now = self._now()
        return {each: program.clock.time(now) for each, program in programs.items()}

    async def _refresh(self, program_ids: Sequence[str]) -> None:
        """Learn what new versions say; while benefits is down, the days stay as they were."""
        self._read_anew = time.monotonic()
        try:
            for place in range(0, len(program_ids), PROGRAMS_AT_ONCE):
                asked = program_ids[place : place + PROGRAMS_AT_ONCE]
                await self._store.keep_programs((await self._programs.calendars(asked)).values())
        except Refusal as refusal:
            log("programs").warning("not read anew", why=refusal.message)

    async def move_clock(
        self,
        program_id: str,
        target: datetime | timedelta,
        request: Request[M],
        answer: Callable[[datetime, datetime], M],
    ) -> M:
        """Move a sandbox's clock to a time, or by so much; two at once add up, or the later is refused."""
        await self.program(program_id)

        async def attempt(members: MembersStore) -> M:
            now = self._now()
            before = (await members.programs([program_id]))[program_id].clock
            after = moved(before, target, now=now)
            await members.move_clock(program_id, after.moved - before.moved)
            times = before.time(now), after.time(now)
            act = Act(request, [program_id], before=_of_clock(times[0]), after=_of_clock(times[1]))
            await trail.record(members.database, members.session, act, now=now)
            return answer(*times)

        answered = await self._store.once(request, attempt, now=self._now)
        self._known.pop(program_id, None)
        return answered

    async def create_store(self, store: Store, request: Request[M], answer: Callable[[Store], M]) -> M:
        await self.program(store.program_id)

        async def attempt(members: MembersStore) -> M:
            before = await members.store(store.program_id, store.store_id)
            if before is None:
                await members.add_store(store)
            elif before != store:
                raise AlreadyExists(store_id=store.store_id)
            act = Act(request, [store.store_id], before=_of_store(before), after=_of_store(store))
            await trail.record(members.database, members.session, act, now=self._now())
            return answer(store)

        return await self._store.once(request, attempt, now=self._now)

    async def create_partner(
        self, partner: Partner, request: Request[M], answer: Callable[[Partner], M]
    ) -> M:
        await self.program(partner.program_id)

        async def attempt(members: MembersStore) -> M:
            missing = set(partner.store_ids) - set(await members.sharing_groups(partner.program_id))
            if missing:
                raise StoreUnknown(store_id=min(missing))
            before = await members.partner(partner.program_id, partner.partner_id)
            if before is None:
                await members.add_partner(partner)
            elif before != partner:
                raise AlreadyExists(partner_id=partner.partner_id)
            act = Act(request, [partner.partner_id], before=_of_partner(before), after=_of_partner(partner))
            await trail.record(members.database, members.session, act, now=self._now())
            return answer(partner)

        return await self._store.once(request, attempt, now=self._now)


def _of_clock(moment: datetime) -> Mapping[str, object]:
    """What an audit record says of a clock."""
    return {"time": moment.isoformat(timespec="milliseconds")}


def _of_store(store: Store | None) -> Mapping[str, object] | None:
    """What an audit record says of a store: which members others see through it."""
    return None if store is None else {"sharing_group": store.sharing_group}


def _of_partner(partner: Partner | None) -> Mapping[str, object] | None:
    """What an audit record says of a partner: for which stores it speaks."""
    return None if partner is None else {"store_ids": partner.store_ids}
