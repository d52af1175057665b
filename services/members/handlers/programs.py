"""Use cases around programs: what intake knows of them, their stores and their partners."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.errors import ProgramUnknown
from libs.common.mongo import Request
from services.members.domain.errors import AlreadyExists, PartnerUnknown, StoreUnknown
from services.members.domain.members import Partner, ProgramCalendar, Store
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)


class Programs(Protocol):
    """Where programs are read from when they are not known here."""

    async def calendar(self, program_id: str) -> ProgramCalendar | None: ...


class ProgramHandlers:
    """Programs as members knows them: fetched once, then kept, as what is kept of them never changes."""

    def __init__(self, store: MembersStore, programs: Programs, now: Callable[[], datetime]) -> None:
        self._store, self._programs, self._now = store, programs, now
        self._known: dict[str, ProgramCalendar] = {}

    async def program(self, program_id: str) -> ProgramCalendar:
        """The program, or ProgramUnknown. One whose clock still stands is read again each time."""
        if (known := self._known.get(program_id)) is not None:
            return known
        program = await self._store.program(program_id) or await self._fetched(program_id)
        if program.clock.replay_from is None or program.clock.started is not None:
            self._known[program_id] = program
        return program

    async def _fetched(self, program_id: str) -> ProgramCalendar:
        program = await self._programs.calendar(program_id)
        if program is None:
            raise ProgramUnknown(program_id=program_id)
        await self._store.keep_program(program)
        return program

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


def _of_store(store: Store | None) -> Mapping[str, object] | None:
    """What an audit record says of a store: which members others see through it."""
    return None if store is None else {"sharing_group": store.sharing_group}


def _of_partner(partner: Partner | None) -> Mapping[str, object] | None:
    """What an audit record says of a partner: for which stores it speaks."""
    return None if partner is None else {"store_ids": partner.store_ids}


async def require_partner(members: MembersStore, program_id: str, partner_id: str) -> Partner:
    """The partner, or PartnerUnknown."""
    partner = await members.partner(program_id, partner_id)
    if partner is None:
        raise PartnerUnknown(partner_id=partner_id)
    return partner
