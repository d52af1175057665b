"""Use cases that list redemptions: of members, by their ids, and for the staff."""

import asyncio
from collections.abc import Sequence

from libs.common.homes import visible
from services.benefits.domain.redemptions import Redemption, RedemptionState
from services.benefits.repository import redemptions
from services.benefits.repository.notices import known_members
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16


class RedemptionReads:
    """Answers what members have reserved and had; grants that nobody approved are the staff's alone."""

    def __init__(self, store: BenefitsStore) -> None:
        self._store = store

    async def of_members(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> dict[str, list[Redemption]]:
        """The redemptions of each member whom the caller may see, latest first."""
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[Redemption]:
            async with at_once:
                return await redemptions.of_member(self._store, program_id, member_id, first)

        reached = await visible(self._store.database, program_id, member_ids)
        seen = sorted(await known_members(self._store, program_id, reached))
        listed = await asyncio.gather(*(latest(member_id) for member_id in seen))
        return dict(zip(seen, listed, strict=True))

    async def several(self, program_id: str, redemption_ids: Sequence[str]) -> dict[str, Redemption]:
        """Those of the redemptions whose members the caller may see."""
        found = await redemptions.several(self._store, program_id, redemption_ids)
        seen = await visible(self._store.database, program_id, {each.member_id for each in found.values()})
        return {key: each for key, each in found.items() if each.shown and each.member_id in seen}

    async def page(
        self,
        program_id: str,
        *,
        member_id: str,
        reward_id: str,
        state: RedemptionState | None,
        after: str | None,
        limit: int,
    ) -> tuple[list[Redemption], str | None]:
        """A page of those that the caller may see, latest first, and where the next one goes on."""
        found = await redemptions.page(
            self._store,
            program_id,
            member_id=member_id,
            reward_id=reward_id,
            state=state,
            after=after,
            limit=limit + 1,
        )
        return found[:limit], found[limit - 1].redemption_id if len(found) > limit else None
