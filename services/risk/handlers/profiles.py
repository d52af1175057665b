"""Use cases around profiles: assess members as they are announced, and answer what is known of them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from libs.common.homes import visible
from libs.common.telemetry import APPLIED
from services.risk.domain.errors import MemberUnknown
from services.risk.domain.profiles import Announced, Change, Profile, apply_all
from services.risk.outbox import profile_changed
from services.risk.repository.store import RiskStore

READS_AT_ONCE = 16


class ProfileHandlers:
    """Keeps the profile of every member."""

    def __init__(self, store: RiskStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    async def assess(self, announcements: Sequence[Announced]) -> None:
        """Apply announcements, however often they come, in one transaction."""

        async def attempt(risk: RiskStore) -> None:
            before = await risk.profiles(each.member_id for each in announcements)
            after, changes = apply_all(before, announcements, now=self._now())
            moved = [profile for member_id, profile in after.items() if profile != before.get(member_id)]
            announced = [profile_changed(change.after, now=self._now()) for change in changes]
            await risk.keep(moved, changes, [], announced)

        await self._store.transaction(attempt)
        APPLIED.labels("risk", "announcement").inc(len(announcements))

    async def profiles(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Profile]:
        """The profiles of those members of the program whom the caller may see."""
        found = await self._store.profiles(await visible(self._store.database, program_id, member_ids))
        return {
            member_id: profile for member_id, profile in found.items() if profile.program_id == program_id
        }

    async def latest_change(self, program_id: str, member_id: str) -> int:
        """The place of the latest change of a member whom the caller may see."""
        profile = (await self.profiles(program_id, [member_id])).get(member_id)
        if profile is None:
            raise MemberUnknown(member_id=member_id)
        return profile.seq

    async def changes(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> dict[str, list[Change]]:
        """The changes of those members of the program whom the caller may see, latest first."""
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[Change]:
            async with at_once:
                return await self._store.changes(member_id, first)

        there = sorted(await self.profiles(program_id, member_ids))
        return dict(zip(there, await asyncio.gather(*map(latest, there)), strict=True))
