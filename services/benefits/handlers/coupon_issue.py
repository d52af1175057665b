"""Use cases that make coupons, with codes or for members, and take them out of use."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from libs.common.audit import trail
from libs.common.audit.trail import Act
from libs.common.homes import visible
from libs.common.mongo import Request
from libs.common.sealing import Sealing
from services.benefits.domain.coupon_codes import ENDING, grouped, new_code
from services.benefits.domain.coupon_quotes import CouponName
from services.benefits.domain.coupons import COUPONS_MAX, Campaign, Coupon, Shown
from services.benefits.domain.errors import CouponsTooMany, CouponUnknown
from services.benefits.handlers.coupon_campaigns import known
from services.benefits.handlers.coupon_quotes import CouponQuotes
from services.benefits.handlers.coupon_reads import shown
from services.benefits.repository import coupon_campaigns, coupons
from services.benefits.repository.notices import known_members
from services.benefits.repository.store import BenefitsStore

M = TypeVar("M", bound=Message)

# Sealed codes and how many the campaign has; and of each member the coupon, and whether they had it before.
ToldOnce = Callable[[list[str], int], M]
Issued = Callable[[dict[str, tuple[str, bool]]], M]


class IssueHandlers:
    """Makes coupons.

    Codes are told once, in the answer that makes them. That answer is kept for
    replays as every other, with the codes sealed in it.
    """

    def __init__(
        self,
        quotes: CouponQuotes,
        sealing: Sealing,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
        below: Callable[[int], int],
    ) -> None:
        """`below` gives a random number below another, which nobody can guess."""
        self._quotes, self._store, self._programs = quotes, quotes.store, quotes.programs
        self._keys, self._times, self._sealing = quotes.keys, quotes.times, sealing
        self._now, self._new_id, self._below = now, new_id, below

    async def generate(
        self, program_id: str, key: str, count: int, request: Request[M], answer: ToldOnce[M]
    ) -> M:
        """Make so many coupons with codes."""
        await self._programs.live(program_id)
        await self._keys.digests(program_id, [])  # so that the key is there, outside the transaction

        async def attempt(benefits: BenefitsStore) -> M:
            campaign = await self._count(benefits, program_id, key, codes=count)
            codes = [new_code(self._below) for _ in range(count)]
            made = [self._coupon(campaign, ending=code[-ENDING:]) for code in codes]
            await coupons.add(benefits, program_id, made, await self._keys.digests(program_id, codes))
            await self._record(benefits, request, [campaign.campaign_id], {"codes": count})
            told = "\n".join(grouped(code) for code in codes).encode()
            return answer([self._sealing.seal(told, request.key).hex()], campaign.codes_count)

        kept: Any = await self._store.once(request, attempt, now=self._now)
        kept.codes[:] = self._sealing.open(bytes.fromhex(kept.codes[0]), request.key).decode().split("\n")
        return kept  # type: ignore[no-any-return]

    async def issue(
        self, program_id: str, key: str, member_ids: Sequence[str], request: Request[M], answer: Issued[M]
    ) -> M:
        """Give each of the members a coupon who has none of the campaign."""
        reached = await visible(self._store.database, program_id, member_ids)
        members = await known_members(self._store, program_id, reached)

        async def attempt(benefits: BenefitsStore) -> M:
            campaign = await known(benefits, program_id, key)
            had = await coupons.held_by(benefits, campaign.campaign_id, members)
            fresh = [self._coupon(campaign, member_id=each) for each in sorted(members - set(had))]
            if fresh:
                await self._count(benefits, program_id, key, issued=len(fresh))
                await coupons.add(benefits, program_id, fresh)
            given = [each.member_id for each in fresh]
            await self._record(benefits, request, [campaign.campaign_id, *given], {"issued": len(fresh)})
            found = {member_id: (coupon_id, True) for member_id, coupon_id in had.items()}
            return answer(found | {each.member_id: (each.coupon_id, False) for each in fresh})

        return await self._store.once(request, attempt, now=self._now)

    async def make_void(
        self,
        program_id: str,
        name: CouponName,
        reason: str,
        request: Request[M],
        answer: Callable[[Shown], M],
    ) -> M:
        """Take a coupon out of use."""
        program = (await self._programs.live(program_id)).program
        (found,) = await self._quotes.find(program, "", [name])
        if found is None:
            raise CouponUnknown
        time = await self._times.of(program)

        async def attempt(benefits: BenefitsStore) -> M:
            before = (await coupons.coupons(benefits, [found.coupon_id]))[found.coupon_id]
            if not before.void:
                await coupons.make_void(benefits, before.coupon_id)
                await coupon_campaigns.count_void(benefits, before.campaign_id)
            await self._record(
                benefits,
                request,
                [before.campaign_id, before.coupon_id],
                {"void": True},
                before={"void": before.void},
                reason=reason,
            )
            (said,) = await shown(benefits, [replace(before, void=True)], time)
            return answer(said)

        return await self._store.once(request, attempt, now=self._now)

    async def _count(self, benefits: BenefitsStore, program_id: str, key: str, **made: int) -> Campaign:
        """Count what is made, first in the transaction; gives the campaign with it."""
        counted = await coupon_campaigns.count_made(benefits, program_id, key, **made)
        campaign = await known(benefits, program_id, key)
        if not counted:
            raise CouponsTooMany(coupons=campaign.coupons_count, most=COUPONS_MAX)
        return campaign

    def _coupon(self, campaign: Campaign, *, member_id: str = "", ending: str = "") -> Coupon:
        return Coupon(
            coupon_id=self._new_id("cpn"),
            campaign_id=campaign.campaign_id,
            member_id=member_id,
            ending=ending,
            created_time=self._now(),
        )

    async def _record(
        self,
        benefits: BenefitsStore,
        request: Request[Any],
        objects: Sequence[str],
        after: dict[str, object],
        *,
        before: dict[str, object] | None = None,
        reason: str = "",
    ) -> None:
        act = Act(request, objects, reason=reason, before=before, after=after)
        await trail.record(benefits.database, benefits.session, act, now=self._now())
