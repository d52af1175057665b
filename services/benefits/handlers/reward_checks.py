"""Whether members may have rewards: what they hold is read, and the domain says what stands against it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from libs.common.clock import business_date
from libs.common.homes import visible
from libs.common.program import Program
from services.benefits.domain.redemption_limits import Redeemed
from services.benefits.domain.reward_obstacles import Obstacle, Standing, obstacles
from services.benefits.domain.rewards import Reward
from services.benefits.handlers import standing
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.times import ProgramTimes
from services.benefits.repository import holds, redemptions, rewards
from services.benefits.repository.notices import known_members
from services.benefits.repository.spendable import spendable
from services.benefits.repository.store import BenefitsStore

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
        asked = await standings(self._store, program, time, members, found.values())
        return program, {
            (member_id, reward_id): obstacles(found[reward_id], asked[member_id], program, time)
            for member_id, reward_id in keys
            if member_id in members and reward_id in found
        }


async def standings(
    store: BenefitsStore,
    program: Program,
    time: datetime,
    member_ids: Collection[str],
    wanted: Collection[Reward],
) -> dict[str, Standing]:
    """What these rewards ask of members, in as few reads as they need, however many members there are."""
    if not member_ids:
        return {}
    day = business_date(time, program.time_zone).isoformat()
    points = await spendable(store, program.key, program.points.currency, member_ids, time)
    redeemed = await holds.redeemed_on(store, program.key, member_ids, day)
    by_tier = any(each.terms.tier_set or each.terms.spend_min_minor for each in wanted)
    found = await standing.standings(store, program, member_ids, time) if by_tier else {}
    limited = {each.reward_id for each in wanted if each.terms.limits.of_member}
    given = await redemptions.given(store, member_ids, limited) if limited else {}
    nothing = standing.MemberStanding(program, time)
    return {
        member_id: Standing(
            available_points=points.get(member_id, 0),
            tiers={key: each.tier for key, each in held.tiers.items()},
            spend_minor=max((each.metrics.get("spend", 0) for each in held.memberships), default=0),
            redeemed=redeemed.get(member_id, Redeemed()),
            given=given.get(member_id, {}),
        )
        for member_id in member_ids
        for held in [found.get(member_id, nothing)]
    }
