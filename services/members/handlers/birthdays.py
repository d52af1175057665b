"""The use case of birthdays: record one, change it, take it out."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.mongo import Request
from libs.common.visibility import caller_sees
from services.members.domain.birthdays import with_birthday
from services.members.domain.errors import MemberUnknown
from services.members.domain.members import Member
from services.members.handlers.programs import ProgramHandlers
from services.members.messages import home_of
from services.members.outbox import birthday_changed
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)


class BirthdayHandlers:
    """Keeps birthdays. Neither audit records nor stored answers say them."""

    def __init__(self, store: MembersStore, programs: ProgramHandlers, now: Callable[[], datetime]) -> None:
        self._store, self._programs, self._now = store, programs, now

    async def set(
        self,
        program_id: str,
        member_id: str,
        birthday: str,
        request: Request[M],
        answer: Callable[[bool], M],
    ) -> M:
        """Record a birthday; the same again changes nothing."""
        program = await self._programs.program(program_id)

        async def attempt(members: MembersStore) -> M:
            before = (await members.members(program_id, [member_id])).get(member_id)
            if before is None or not caller_sees(member_id, home_of(before)):
                raise MemberUnknown(member_id=member_id)
            now = self._now()
            after = with_birthday(before, birthday, time=program.clock.time(now))
            if after != before:
                await members.keep_birthday(after)
                await members.announce([birthday_changed(after, now=now)])
            act = Act(request, [member_id], before=_audited(before), after=_audited(after))
            await trail.record(members.database, members.session, act, now=now)
            return answer(after != before)

        return await self._store.once(request, attempt, now=self._now)


def _audited(member: Member) -> dict[str, object]:
    """Whether there is one: which it is concerns nobody who reads the log."""
    return {"recorded": int(bool(member.birthday))}
