"""Sending: notices whose time has come are handed to every channel, once and in order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from libs.common.program import Program
from services.benefits.domain.notices import Notice, Preferences, withheld
from services.benefits.handlers.channels import Channel
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import notices as kept
from services.benefits.repository.store import BenefitsStore

PAGE_NOTICES = 100
# So many pages of one program, then the next program has its turn.
PAGES_MAX = 50


class Sending:
    """Sends what is due by a program's clock.

    A page is marked as sent in the transaction that hands it over. Two
    replicas meet at the same notices, and the second finds them sent.
    """

    def __init__(
        self,
        store: BenefitsStore,
        programs: ProgramHandlers,
        channels: Sequence[Channel],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._programs = store, programs
        self._channels, self._now = tuple(channels), now

    async def waiting(self) -> list[str]:
        """The programs that have notices to be sent, now or later."""
        return await kept.waiting_programs(self._store)

    async def send(self, program_id: str, time: datetime) -> int:
        """Send what is due at a time of the program; gives how many notices were handed over."""
        program, count = (await self._programs.live(program_id)).program, 0
        for _ in range(PAGES_MAX):
            sent, more = await self._store.transaction(partial(self._page, program, time))
            count += sent
            if not more:
                break
        return count

    async def late_seconds(self, program_id: str, time: datetime) -> float:
        """For how long the first of the notices has been due that are not sent."""
        first = await kept.due(self._store, program_id, time, 1)
        return (time - first[0].due_time).total_seconds() if first else 0.0

    async def _page(self, program: Program, time: datetime, benefits: BenefitsStore) -> tuple[int, bool]:
        """Hand over one page; what the member has refused since it was made is withheld."""
        notices = await kept.due(benefits, program.key, time, PAGE_NOTICES)
        wanted = await kept.preferences(benefits, {each.member_id for each in notices})
        refused = {each.notice_id: reason for each in notices if (reason := _refused(program, each, wanted))}
        sent = [each for each in notices if each.notice_id not in refused]
        await kept.settle(benefits, sent, refused)
        if sent:
            for channel in self._channels:
                await channel.take(benefits, sent, now=self._now())
        return len(sent), len(notices) == PAGE_NOTICES


def _refused(program: Program, notice: Notice, wanted: Mapping[str, Preferences]) -> str | None:
    if notice.staff_role:
        return None
    return withheld(program, notice.code, wanted.get(notice.member_id, Preferences(notice.member_id)))
