"""What is left of a reward and of its coupons: takes one, and says where those meet who want one."""

from dataclasses import dataclass

from services.benefits.domain.coupons import Campaign
from services.benefits.domain.errors import RewardUnknown
from services.benefits.domain.rewards import Reward
from services.benefits.handlers.coupon_campaigns import known as known_campaign
from services.benefits.repository import coupon_campaigns, rewards
from services.benefits.repository.store import BenefitsStore


@dataclass(frozen=True, slots=True)
class Taken:
    """A reward of which one was taken, and the campaign whose coupon it gives; both as they were before."""

    reward: Reward
    campaign: Campaign | None = None


def counters(program_id: str, reward_id: str, *, counted: bool) -> list[str]:
    """Where those meet who want a reward: its counter; nowhere for one of which there is no end."""
    return [f"{program_id}/{reward_id}"] if counted else []


def counters_of(reward: Reward | None) -> list[str]:
    """Where those meet who want a reward: its counter, and that of the campaign whose coupons it gives."""
    if reward is None:
        return []
    campaign = reward.terms.coupon_campaign
    of_campaign = [f"{reward.program_id}/coupons/{campaign}"] if campaign else []
    return [*counters(reward.program_id, reward.reward_id, counted=reward.counted), *of_campaign]


async def known(store: BenefitsStore, program_id: str, reward_id: str) -> Reward:
    """A reward of the program, or RewardUnknown: another program's is as unknown as none."""
    found = await rewards.one(store, program_id, reward_id)
    if found is None:
        raise RewardUnknown(reward_id=reward_id)
    return found


async def take(benefits: BenefitsStore, program_id: str, reward_id: str, *, counted: bool) -> Taken:
    """Take one, first in the transaction, and a coupon of its campaign; or RewardUnknown.

    Whether it is counted never changes, so it may be known from before. Where nothing could be taken,
    the reward or the campaign as it is has the shortage that says why.
    """
    taken = await rewards.take(benefits, program_id, reward_id) if counted else None
    reward = taken or await known(benefits, program_id, reward_id)
    key = reward.terms.coupon_campaign
    if not key:
        return Taken(reward)
    promised = await coupon_campaigns.promise(benefits, program_id, key)
    return Taken(reward, promised or await known_campaign(benefits, program_id, key))
