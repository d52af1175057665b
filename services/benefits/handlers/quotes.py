"""The use case of quotes: what a basket would earn, and how many points may be redeemed towards it."""

import asyncio

from libs.common.clock import business_date, milliseconds
from libs.common.homes import is_visible
from services.benefits.domain.errors import MemberUnknown
from services.benefits.domain.quotes import Basket, Quote, possible_events
from services.benefits.domain.redemption_limits import Redeemed, offer
from services.benefits.handlers.drawing import worth_of
from services.benefits.handlers.earning import earners
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.tier_previews import Happening, TierPreviews
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository.holds import redeemed_on
from services.benefits.repository.spendable import spendable
from services.benefits.repository.store import BenefitsStore


class QuoteHandlers:
    """Quotes, without changing anything."""

    def __init__(
        self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes, tiers: TierPreviews
    ) -> None:
        self._store, self._programs, self._times, self._tiers = store, programs, times, tiers

    async def quote(self, program_id: str, member_id: str, basket: Basket, point_type: str = "") -> Quote:
        """What a basket of a member would come to now, paid with points of a type or the redeemable ones."""
        if not await is_visible(self._store.database, program_id, member_id):
            raise MemberUnknown(member_id=member_id)
        version = await self._programs.live(program_id)
        program = version.program
        at = milliseconds(await self._times.of(program))
        day = business_date(at, program.time_zone).isoformat()
        found, points, redeemed = await asyncio.gather(
            earners(self._store, program, [(member_id, at)]),
            spendable(self._store, program_id, point_type or program.points.currency, [member_id], at),
            redeemed_on(self._store, program_id, [member_id], day),
        )
        before, available = found[member_id, at], points.get(member_id, 0)
        worth = await worth_of(self._store, program, member_id, available, time=at, point_type=point_type)
        happening = Happening(member_id, at, before, possible_events(basket, member_id))
        (happened,) = await self._tiers.of(version, [happening])
        return Quote(
            tier=before.tier,
            lines=list(zip(basket.lines, happened.given, strict=True)),
            available_points=available,
            offer=offer(
                worth,
                basket.amount_minor,
                available=available,
                before=redeemed.get(member_id, Redeemed()),
                point_type=point_type,
            ),
            tiers=happened.tiers,
        )
