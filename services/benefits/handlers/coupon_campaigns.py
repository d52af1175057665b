"""Use cases around campaigns of coupons: make them, stop them, and see how far they are."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.documents import Text
from libs.common.mongo import Request
from services.benefits.domain.coupons import Campaign, Terms, campaign_id, faults
from services.benefits.domain.errors import (
    CouponCampaignExists,
    CouponCampaignInvalid,
    CouponCampaignUnknown,
)
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.repository import coupon_campaigns
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

# How many uses are not paid yet, and for how much money.
OpenUses = tuple[int, int]
Answer = Callable[[Campaign, OpenUses], M]
NONE_OPEN = (0, 0)


class CampaignHandlers:
    """Makes campaigns, whose terms never change: who wants others makes another campaign."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, now: Callable[[], datetime]) -> None:
        self._store, self._programs, self._now = store, programs, now

    async def create(
        self, program_id: str, key: str, name: Text, terms: Terms, request: Request[M], answer: Answer[M]
    ) -> M:
        """Make a campaign, or answer the one that was made alike."""
        campaign = Campaign(program_id=program_id, key=key, name=name, terms=terms, created_time=self._now())
        program = (await self._programs.live(program_id)).program
        tiers = {each.key for each in program.tier_sets[0].tiers}
        if found := faults(campaign.terms, tiers):
            raise CouponCampaignInvalid(**found)

        async def attempt(benefits: BenefitsStore) -> M:
            there = (await coupon_campaigns.campaigns(benefits, [campaign.campaign_id])).get(
                campaign.campaign_id
            )
            if there is None:
                await coupon_campaigns.add(benefits, campaign)
            elif not there.says(campaign):
                raise CouponCampaignExists(campaign=campaign.key)
            await self._record(benefits, request, there, there or campaign)
            opened = await coupon_campaigns.open_uses(benefits, [campaign.campaign_id])
            return answer(there or campaign, opened.get(campaign.campaign_id, NONE_OPEN))

        return await self._store.once(request, attempt, now=self._now)

    async def set_paused(
        self, program_id: str, key: str, *, paused: bool, request: Request[M], answer: Answer[M]
    ) -> M:
        """Stop a campaign, or let it go on."""

        async def attempt(benefits: BenefitsStore) -> M:
            before = await known(benefits, program_id, key)
            after = replace(before, paused=paused)
            await coupon_campaigns.set_paused(benefits, before.campaign_id, paused=paused)
            await self._record(benefits, request, before, after)
            opened = await coupon_campaigns.open_uses(benefits, [before.campaign_id])
            return answer(after, opened.get(before.campaign_id, NONE_OPEN))

        return await self._store.once(request, attempt, now=self._now)

    async def page(
        self, program_id: str, *, after: str | None, limit: int
    ) -> tuple[list[tuple[Campaign, OpenUses]], str | None]:
        """A page of campaigns with what is open of each, by key, and where the next one goes on."""
        found = await coupon_campaigns.page(self._store, program_id, after=after, limit=limit + 1)
        shown = found[:limit]
        opened = await coupon_campaigns.open_uses(self._store, [each.campaign_id for each in shown])
        counted = [(each, opened.get(each.campaign_id, NONE_OPEN)) for each in shown]
        return counted, shown[-1].key if len(found) > limit else None

    async def _record(
        self, benefits: BenefitsStore, request: Request[Any], before: Campaign | None, after: Campaign
    ) -> None:
        act = Act(request, [after.campaign_id], before=_audited(before), after=_audited(after))
        await trail.record(benefits.database, benefits.session, act, now=self._now())


async def known(store: BenefitsStore, program_id: str, key: str) -> Campaign:
    """A campaign of the program, or CouponCampaignUnknown."""
    wanted = campaign_id(program_id, key)
    found = (await coupon_campaigns.campaigns(store, [wanted])).get(wanted)
    if found is None:
        raise CouponCampaignUnknown(campaign=key)
    return found


def _audited(campaign: Campaign | None) -> Mapping[str, object] | None:
    """What an audit record says of a campaign."""
    if campaign is None:
        return None
    terms = asdict(campaign.terms)
    times = {name: terms[name].isoformat() for name in ("start_time", "end_time")}
    return {"paused": campaign.paused, "terms": {**terms, **times, "kind": campaign.terms.kind.value}}
