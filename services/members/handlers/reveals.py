"""Use cases of reveals: show a member's contact data whole, by one's role or under a break-glass."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from google.protobuf.message import Message
from prometheus_client import Counter

from laurel.members.v1 import access_pb2 as pb
from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.caller import caller
from libs.common.clock import business_date
from libs.common.mongo import Request
from libs.common.rpc.time import moment
from libs.common.visibility import caller_sees
from services.members.domain.errors import BreakGlassUnknown, MemberUnknown, RevealLimit
from services.members.domain.members import Member
from services.members.domain.reveals import RETRIED, BreakGlass, Reveal, ended, require_retry, usable
from services.members.handlers.programs import ProgramHandlers
from services.members.messages import home_of, whole
from services.members.outbox import break_glass_opened
from services.members.repository import reveals as kept
from services.members.repository.store import MembersStore

M = TypeVar("M", bound=Message)
R = TypeVar("R", pb.RevealMemberResponse, pb.RevealByBreakGlassResponse)

REVEALS = Counter(
    "laurel_reveals_total", "Members whose contact data was shown whole: by `role` or `break_glass`.", ["by"]
)
for _by in ("role", "break_glass"):
    REVEALS.labels(_by)  # there from the start, or the first one would not be an increase
BREAK_GLASSES = Counter("laurel_break_glasses_total", "Break-glasses that were opened.")


@dataclass(frozen=True, slots=True)
class RevealHandlers:
    """Counts and audits each reveal. Neither audit records nor stored answers say what was shown."""

    store: MembersStore
    programs: ProgramHandlers
    per_day_max: int
    break_glass_time: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[str], str]

    async def reveal(
        self,
        program_id: str,
        member_id: str,
        reason: str,
        request: Request[pb.RevealMemberResponse],
        answer: Callable[[Reveal], pb.RevealMemberResponse],
    ) -> pb.RevealMemberResponse:
        """Show a member whom the caller's grant reaches, for a reason."""
        day = await self._day(program_id)

        async def attempt(members: MembersStore) -> pb.RevealMemberResponse:
            now = self.now()
            left = await self._counted(members, program_id, day(now), now)
            await self._member(members, program_id, member_id)
            shown = Reveal(self.new_id("rev"), member_id, now + RETRIED, left)
            act = Act(request, [member_id, shown.reveal_id], reason=reason, after={"left_count": left})
            await trail.record(members.database, members.session, act, now=now)
            return answer(shown)

        return await self._shown(program_id, "role", request, attempt)

    async def reveal_by_break_glass(
        self,
        program_id: str,
        member_id: str,
        break_glass_id: str,
        request: Request[pb.RevealByBreakGlassResponse],
        answer: Callable[[Reveal], pb.RevealByBreakGlassResponse],
    ) -> pb.RevealByBreakGlassResponse:
        """Show a member under a break-glass that the caller has open; a retry, too, as long as it is."""
        day = await self._day(program_id)

        async def attempt(members: MembersStore) -> pb.RevealByBreakGlassResponse:
            now = self.now()
            glass = await self._usable(members, program_id, break_glass_id, now)
            # Written, so that it is not ended meanwhile.
            await kept.keep_break_glass(members, replace(glass, reveals_count=glass.reveals_count + 1))
            left = await self._counted(members, program_id, day(now), now)
            await self._member(members, program_id, member_id)
            shown = Reveal(self.new_id("rev"), member_id, min(now + RETRIED, glass.until_time), left)
            act = Act(request, [member_id, shown.reveal_id, break_glass_id], after={"left_count": left})
            await trail.record(members.database, members.session, act, now=now)
            return answer(shown)

        answered = await self._shown(program_id, "break_glass", request, attempt)
        await self._usable(self.store, program_id, break_glass_id, self.now())
        return answered

    async def open_break_glass(
        self, program_id: str, reason: str, request: Request[M], answer: Callable[[BreakGlass], M]
    ) -> M:
        """Let the caller reveal members for a while, and have compliance officers told."""
        await self.programs.program(program_id)
        opened: list[str] = []

        async def attempt(members: MembersStore) -> M:
            now, subject = self.now(), caller().subject
            until = now + self.break_glass_time
            glass = BreakGlass(self.new_id("bgl"), program_id, subject, now, until)
            await kept.keep_break_glass(members, glass)
            await members.announce([break_glass_opened(glass, now=now)])
            act = Act(request, [glass.break_glass_id], reason=reason, after=_audited(glass))
            await trail.record(members.database, members.session, act, now=now)
            opened.append(glass.break_glass_id)
            return answer(glass)

        answered = await self.store.once(request, attempt, now=self.now)
        if opened:
            BREAK_GLASSES.inc()
        return answered

    async def open_break_glasses(
        self, program_id: str, *, before: str, limit: int
    ) -> tuple[list[BreakGlass], str]:
        """A page of those that are open, with the place to go on from if there are more."""
        await self.programs.program(program_id)
        found = await kept.open_break_glasses(
            self.store, program_id, now=self.now(), before=before, limit=limit + 1
        )
        return found[:limit], found[limit - 1].break_glass_id if len(found) > limit else ""

    async def end_break_glass(
        self, program_id: str, break_glass_id: str, request: Request[M], answer: Callable[[BreakGlass], M]
    ) -> M:
        """End a break-glass, whoever has opened it."""

        async def attempt(members: MembersStore) -> M:
            now = self.now()
            before = await kept.break_glass(members, program_id, break_glass_id)
            if before is None:
                raise BreakGlassUnknown
            after = ended(before, now)
            await kept.keep_break_glass(members, after)
            act = Act(request, [break_glass_id], before=_audited(before), after=_audited(after))
            await trail.record(members.database, members.session, act, now=now)
            return answer(after)

        return await self.store.once(request, attempt, now=self.now)

    async def _shown(
        self, program_id: str, by: str, request: Request[R], attempt: Callable[[MembersStore], Awaitable[R]]
    ) -> R:
        """What is stored of a reveal, with the contact data as it is now; a retry is not counted."""
        new: list[bool] = []

        async def once(members: MembersStore) -> R:
            answered = await attempt(members)
            new.append(True)
            return answered

        answered = await self.store.once(request, once, now=self.now)
        if new:
            REVEALS.labels(by).inc()
        require_retry(moment(answered.reveal.until_time), self.now())
        member = await self._member(self.store, program_id, answered.reveal.member_id)
        answered.reveal.CopyFrom(whole(answered.reveal, member))
        return answered

    async def _day(self, program_id: str) -> Callable[[datetime], date]:
        """Business days of a program by the clock on the wall: a sandbox that stands still has days, too."""
        zone = (await self.programs.program(program_id)).time_zone
        return lambda now: business_date(now, zone)

    async def _counted(self, members: MembersStore, program_id: str, day: date, now: datetime) -> int:
        """Count first, as many may meet here; gives how many more the caller may reveal today."""
        count = await kept.count_reveal(members, program_id, caller().subject, day, now=now)
        if count > self.per_day_max:
            raise RevealLimit(limit=self.per_day_max)
        return self.per_day_max - count

    async def _member(self, members: MembersStore, program_id: str, member_id: str) -> Member:
        found = (await members.members(program_id, [member_id])).get(member_id)
        if found is None or not caller_sees(member_id, home_of(found)):
            raise MemberUnknown(member_id=member_id)
        return found

    async def _usable(
        self, members: MembersStore, program_id: str, break_glass_id: str, now: datetime
    ) -> BreakGlass:
        glass = await kept.break_glass(members, program_id, break_glass_id)
        return usable(glass, subject=caller().subject, now=now)


def _audited(glass: BreakGlass) -> dict[str, object]:
    return {
        "until_time": glass.until_time.isoformat(timespec="milliseconds"),
        "reveals_count": glass.reveals_count,
    }
