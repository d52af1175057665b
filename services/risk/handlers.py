"""Use cases of risk: assess members as they are announced, and answer what is known of them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from libs.common.telemetry import APPLIED
from services.risk.domain.profiles import Announced, Profile, apply_all
from services.risk.outbox import profile_changed
from services.risk.repository import RiskStore


class ProfileHandlers:
    """Keeps the profile of every member."""

    def __init__(self, store: RiskStore, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    async def assess(self, announcements: Sequence[Announced]) -> None:
        """Apply announcements, however often they come, in one transaction."""

        async def attempt(risk: RiskStore) -> None:
            before = await risk.profiles(each.member_id for each in announcements)
            after = apply_all(before, announcements, now=self._now())
            moved = [profile for member_id, profile in after.items() if profile != before.get(member_id)]
            changed = [each for each in moved if each.seq != _seq(before.get(each.member_id))]
            await risk.keep(moved, [profile_changed(profile, now=self._now()) for profile in changed])

        await self._store.transaction(attempt)
        APPLIED.labels("risk", "announcement").inc(len(announcements))

    async def profiles(self, program_id: str, member_ids: Sequence[str]) -> dict[str, Profile]:
        """The profiles of those members that there are in the program."""
        found = await self._store.profiles(member_ids)
        return {
            member_id: profile for member_id, profile in found.items() if profile.program_id == program_id
        }


def _seq(profile: Profile | None) -> int:
    return profile.seq if profile is not None else 0
