"""Whether members may have rewards: what they hold is read, and the domain says what stands against it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from libs.common.clock import business_date
from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.coupon_reservations import first_order_taker, taker
from services.benefits.domain.coupon_rewards import Couponing
from services.benefits.domain.coupons import Campaign, campaign_id
from services.benefits.domain.redemption_limits import Redeemed
from services.benefits.domain.reward_obstacles import Obstacle, Standing, obstacles
from services.benefits.domain.rewards import Reward
from services.benefits.handlers import standing
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import coupon_campaigns, coupons, holds, redemptions, rewards
from services.benefits.repository.notices import known_members
from services.benefits.repository.spendable import spendable
from services.benefits.repository.store import BenefitsStore

# A member and a reward.
Key = tuple[str, str]


class RewardChecks:
    """Answers whether a member may have a reward now."""

    def __init__(self, store: BenefitsStore, programs: ProgramHandlers, times: ProgramTimes) -> None:
        self._store, self._programs, self._times = store, programs, times

    async def check(self, program_id: str, keys: Sequence[Key]) -> tuple[Program, dict[Key, list[Obstacle]]]:
        """The program, and what stands against each (member, reward) that there is and the caller may see."""
        program = (await self._programs.live(program_id)).program
        time = await self._times.of(program)
        seen = await visible(self._store.database, program_id, {member_id for member_id, _ in keys})
        members = await known_members(self._store, program_id, seen)
        found = await rewards.several(self._store, program_id, {reward_id for _, reward_id in keys})
        known = [key for key in keys if key[0] in members and key[1] in found]
        campaigns = await _campaigns(self._store, found.values())
        asked = await standings(self._store, program, time, known, found, campaigns)
        return program, {
            key: obstacles(
                found[key[1]],
                asked[key[0]],
                program,
                time,
                campaigns.get(found[key[1]].terms.coupon_campaign),
            )
            for key in known
        }


async def standings(
    store: BenefitsStore,
    program: Program,
    time: datetime,
    keys: Collection[Key],
    wanted: Mapping[str, Reward],
    campaigns: Mapping[str, Campaign],
) -> dict[str, Standing]:
    """What these rewards ask of members, in as few reads as they need, however many members there are.

    `campaigns` are those whose coupons the rewards give, by key.
    """
    member_ids = {member_id for member_id, _ in keys}
    if not member_ids:
        return {}
    day = business_date(time, program.time_zone).isoformat()
    points = await spendable(store, program.key, program.points.currency, member_ids, time)
    typed = {
        each: await spendable(store, program.key, each, member_ids, time)
        for each in {reward.terms.point_type for reward in wanted.values()} - {""}
    }
    redeemed = await holds.redeemed_on(store, program.key, member_ids, day)
    found = await _held(store, program, time, member_ids, wanted.values(), campaigns.values())
    limited = {key for key, each in wanted.items() if each.terms.limits.of_member}
    given = await redemptions.given(store, member_ids, limited) if limited else {}
    couponing = await _couponing(store, program, keys, wanted, campaigns, found)
    nothing = standing.MemberStanding(program, time)
    return {
        member_id: Standing(
            available_points=points.get(member_id, 0),
            typed_points={each: had.get(member_id, 0) for each, had in typed.items()},
            couponing=couponing.get(member_id, Couponing()),
            tiers={key: each.tier for key, each in held.tiers.items()},
            spend_minor=max((each.metrics.get("spend", 0) for each in held.memberships), default=0),
            redeemed=redeemed.get(member_id, Redeemed()),
            given=given.get(member_id, {}),
        )
        for member_id in member_ids
        for held in [found.get(member_id, nothing)]
    }


async def _campaigns(store: BenefitsStore, wanted: Collection[Reward]) -> dict[str, Campaign]:
    """The campaigns whose coupons these rewards give, by key."""
    keys = {(each.program_id, each.terms.coupon_campaign) for each in wanted if each.terms.coupon_campaign}
    found = await coupon_campaigns.campaigns(store, (campaign_id(*key) for key in keys))
    return {each.key: each for each in found.values()}


async def _held(
    store: BenefitsStore,
    program: Program,
    time: datetime,
    member_ids: Collection[str],
    wanted: Collection[Reward],
    campaigns: Collection[Campaign],
) -> dict[str, standing.MemberStanding]:
    """The tiers and counts of members, where rewards or campaigns ask for them."""
    by_reward = any(each.terms.tier_set or each.terms.spend_min_minor for each in wanted)
    by_campaign = any(each.terms.tiers or each.terms.first_order_only for each in campaigns)
    asked = by_reward or by_campaign
    return await standing.standings(store, program, member_ids, time) if asked else {}


async def _couponing(
    store: BenefitsStore,
    program: Program,
    keys: Collection[Key],
    wanted: Mapping[str, Reward],
    campaigns: Mapping[str, Campaign],
    found: Mapping[str, standing.MemberStanding],
) -> dict[str, Couponing]:
    """What counts of members who want coupons of campaigns."""
    pairs = {
        (member_id, campaigns[key].campaign_id)
        for member_id, reward_id in keys
        if (key := wanted[reward_id].terms.coupon_campaign)
    }
    members = {member_id for member_id, _ in pairs}
    first = {each: first_order_taker(program.key, each) for each in members}
    takers = {pair: taker(pair[1], pair[0]) for pair in pairs}
    taken = await coupons.taken(store, [*first.values(), *takers.values()])
    unused = await coupons.unused(store, pairs)
    uses = {pair: taken.get(takers[pair], 0) + unused.get(pair, 0) for pair in pairs}
    return {
        each: Couponing(
            uses={campaign: count for (member, campaign), count in uses.items() if member == each},
            first_order=not taken.get(first[each]) and not (each in found and found[each].orders),
        )
        for each in members
    }
