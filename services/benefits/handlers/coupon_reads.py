"""Use cases that read coupons: those of a campaign, and those of members."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from libs.common.homes import visible
from services.benefits.domain.coupons import Coupon, Shown
from services.benefits.handlers.coupon_campaigns import known
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import coupon_campaigns, coupons
from services.benefits.repository.notices import known_members
from services.benefits.repository.store import BenefitsStore

READS_AT_ONCE = 16


class CouponReads:
    """Answers how far coupons are, without changing anything."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def of_campaign(
        self, program_id: str, key: str, *, after: str | None, limit: int
    ) -> tuple[list[Shown], str | None]:
        """A page of a campaign's coupons, oldest first, and where the next one goes on."""
        program = (await self._programs.live(program_id)).program
        campaign = await known(self._store, program_id, key)
        found = await coupons.of_campaign(self._store, campaign.campaign_id, after=after, limit=limit + 1)
        page = found[:limit]
        following = page[-1].coupon_id if len(found) > limit else None
        return await shown(self._store, page, await self._times.of(program)), following

    async def of_members(
        self, program_id: str, member_ids: Sequence[str], first: int
    ) -> dict[str, list[Shown]]:
        """The coupons that were given to each member whom the caller may see, latest first."""
        program = (await self._programs.live(program_id)).program
        reached = await visible(self._store.database, program_id, member_ids)
        seen = sorted(await known_members(self._store, program_id, reached))
        at_once = asyncio.Semaphore(READS_AT_ONCE)

        async def latest(member_id: str) -> list[Coupon]:
            async with at_once:
                return await coupons.of_member(self._store, program_id, member_id, first)

        by_member = dict(zip(seen, await asyncio.gather(*map(latest, seen)), strict=True))
        every = [coupon for each in by_member.values() for coupon in each]
        told = await shown(self._store, every, await self._times.of(program))
        said = {each.coupon.coupon_id: each for each in told}
        return {key: [said[each.coupon_id] for each in found] for key, found in by_member.items()}


async def shown(store: BenefitsStore, found: Sequence[Coupon], time: datetime) -> list[Shown]:
    """Coupons as they are at a time of their program."""
    if not found:
        return []
    campaigns = await coupon_campaigns.campaigns(store, (each.campaign_id for each in found))
    reserved = await coupons.reserved(store, [each.coupon_id for each in found])
    return [Shown(each, campaigns[each.campaign_id], reserved[each.coupon_id], time) for each in found]
