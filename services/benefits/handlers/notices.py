"""Use cases around notices: list them, and say what a member wants to be told."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message

from libs.common.caller import caller
from libs.common.homes import visible
from libs.common.mongo import Request
from libs.common.program import Program
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.notices import Notice, Preferences
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import notices as kept
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

READS_AT_ONCE = 16


class NoticeHandlers:
    """Answers what there is to tell, and keeps what members want to hear."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, now: Callable[[], datetime]) -> None:
        self._store, self._programs, self._now = store, programs, now

    async def program(self, program_id: str) -> Program:
        """The live version, by whose names notices are told."""
        return (await self._programs.live(program_id)).program

    async def of_members(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> dict[str, list[Notice]]:
        """The notices of each member whom the caller may see, latest first."""
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[Notice]:
            async with at_once:
                return await kept.of_member(self._store, program_id, member_id, first)

        seen = sorted(await self._seen(program_id, member_ids))
        listed = await asyncio.gather(*(latest(member_id) for member_id in seen))
        return dict(zip(seen, listed, strict=True))

    async def of_staff(
        self, program_id: str, *, after: str | None, limit: int
    ) -> tuple[list[Notice], str | None]:
        """A page for the roles of the caller, latest first, and where the next page goes on.

        Notices about members whom the caller does not see are left out of the page.
        """
        page = await kept.of_staff(self._store, program_id, caller().roles, after=after, limit=limit + 1)
        shown = page[:limit]
        seen = await self._seen(program_id, {each.member_id for each in shown if each.member_id})
        following = shown[-1].notice_id if len(page) > limit else None
        return [each for each in shown if not each.member_id or each.member_id in seen], following

    async def preferences(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Preferences]:
        """What each member wants whom the caller may see."""
        seen = await self._seen(program_id, member_ids)
        said = await kept.preferences(self._store, seen)
        return {member_id: said.get(member_id, Preferences(member_id)) for member_id in seen}

    async def set_preferences(
        self,
        program_id: str,
        preferences: Preferences,
        request: Request[M],
        answer: Callable[[Preferences], M],
    ) -> M:
        """Keep what a member wants; what waits to be sent is looked at again when it is due."""

        async def attempt(benefits: BenefitsStore) -> M:
            member_id = preferences.member_id
            if not await kept.known_members(benefits, program_id, await self._reached(program_id, member_id)):
                raise MemberUnknown(member_id=member_id)
            await kept.keep_preferences(benefits, program_id, preferences, self._now())
            return answer(preferences)

        return await self._store.once(request, attempt, now=self._now)

    async def _reached(self, program_id: str, member_id: str) -> set[str]:
        return await visible(self._store.database, program_id, [member_id])

    async def _seen(self, program_id: str, member_ids: Iterable[str]) -> set[str]:
        """The members of the program among these whom the caller may see; no others are there."""
        reached = await visible(self._store.database, program_id, member_ids)
        return await kept.known_members(self._store, program_id, reached)
