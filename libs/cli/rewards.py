"""The catalogue of rewards of a running platform, through its services."""

from laurel.benefits.v1 import rewards_pb2 as pb
from libs.cli.clients import Clients
from libs.cli.retries import patiently
from libs.common.ids import new_id

PAGE_SIZE = 500


async def catalogue(clients: Clients, program: str, *, archived: bool) -> list[pb.Reward]:
    """All rewards of a program, by id."""
    request = pb.ListRewardsRequest(program_id=program, page_size=PAGE_SIZE, include_archived=archived)
    found: list[pb.Reward] = []
    while True:
        page = await patiently(lambda: clients.rewards.ListRewards(request))
        found += page.rewards
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def add(
    clients: Clients, program: str, reward_id: str, terms: pb.RewardTerms, stock: int | None
) -> pb.Reward:
    """Add a reward to the catalogue."""
    request = pb.CreateRewardRequest(
        program_id=program, request_id=new_id("req"), reward_id=reward_id, terms=terms, stock_count=stock
    )
    return (await patiently(lambda: clients.rewards.CreateReward(request))).reward


async def restock(clients: Clients, program: str, reward_id: str, added: int, explanation: str) -> pb.Reward:
    """Add to the stock of a reward, or take off it."""
    request = pb.RestockRewardRequest(
        program_id=program,
        request_id=new_id("req"),
        reward_id=reward_id,
        added_count=added,
        explanation=explanation,
    )
    return (await patiently(lambda: clients.rewards.RestockReward(request))).reward
