"""The number of a reward that is left: takes one, and says where those meet who want the same one."""

from services.benefits.domain.errors import RewardUnknown
from services.benefits.domain.rewards import Reward
from services.benefits.repository import rewards
from services.benefits.repository.store import BenefitsStore


def counters(program_id: str, reward_id: str, *, counted: bool) -> list[str]:
    """Where those meet who want a reward: its counter; nowhere for one of which there is no end."""
    return [f"{program_id}/{reward_id}"] if counted else []


async def known(store: BenefitsStore, program_id: str, reward_id: str) -> Reward:
    """A reward of the program, or RewardUnknown: another program's is as unknown as none."""
    found = await rewards.one(store, program_id, reward_id)
    if found is None:
        raise RewardUnknown(reward_id=reward_id)
    return found


async def runs_out(store: BenefitsStore, program_id: str, reward_id: str) -> bool:
    """Whether a reward is counted, which never changes; one that is not there is not."""
    found = await rewards.one(store, program_id, reward_id)
    return found is not None and found.counted


async def take(benefits: BenefitsStore, program_id: str, reward_id: str, *, counted: bool) -> Reward:
    """Take one, first in the transaction; gives the reward as it was before, or RewardUnknown.

    Where nothing could be taken, the reward as it is has the shortage that says why.
    """
    taken = await rewards.take(benefits, program_id, reward_id) if counted else None
    return taken or await known(benefits, program_id, reward_id)
