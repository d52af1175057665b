"""What tests of rewards have in common: a catalogue, members with points, and whether the books agree."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from laurel.benefits.v1 import benefits_pb2, rewards_pb2_grpc
from laurel.benefits.v1 import rewards_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from services.benefits.domain.redemptions import SOURCE
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.points import a_program
from tests.benefits.stories import Story
from tests.support.builders import NOON
from tests.support.goods import payment_faults, stock_faults

if TYPE_CHECKING:
    from laurel.benefits.v1.rewards_pb2_grpc import RewardsServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["RewardsService"]
AN_HOUR = timedelta(hours=1)


def as_(
    benefits: BenefitsWorld, kind: PrincipalKind, subject: str, program_id: str, **claims: Any
) -> "RewardsServiceAsyncStub":
    """A stub of RewardsService that calls as this principal."""
    stub: RewardsServiceAsyncStub = benefits.stub(
        SERVICE, rewards_pb2_grpc.RewardsServiceStub, kind, subject, program_id, **claims
    )
    return stub


def as_manager(benefits: BenefitsWorld, program_id: str, subject: str = "mia") -> "RewardsServiceAsyncStub":
    """An operations manager, who keeps the catalogue and gives rewards away."""
    return as_(benefits, "staff", subject, program_id, roles=["operations_manager"])


def as_member(benefits: BenefitsWorld, story: Story) -> "RewardsServiceAsyncStub":
    """The member of a story."""
    return as_(benefits, "member", story.member_id, story.program_id)


async def a_store(benefits: BenefitsWorld, **redemption: int) -> str:
    """The key of a program of its own, with these rules of redeeming."""
    return await a_program(benefits, redemption=redemption)


async def a_member(benefits: BenefitsWorld, program_id: str, *, points: int = 1_000) -> Story:
    """A member who earned so many points with one purchase."""
    return await benefits.a_member(points * 100, program_id=program_id)


def terms(**fields: Any) -> pb.RewardTerms:
    """A coffee for 100 points, worth 5.00."""
    coffee: dict[str, Any] = {
        "kind": pb.REWARD_KIND_GOODS,
        "name_zh": "咖啡",
        "name_en": "Coffee",
        "price_points": 100,
        "value_minor": 500,
        "reserve_minutes": 60,
    }
    return pb.RewardTerms(**coffee | fields)


def a_creation(
    program_id: str, *, reward_id: str | None = None, stock: int | None = None, **fields: Any
) -> pb.CreateRewardRequest:
    return pb.CreateRewardRequest(
        program_id=program_id,
        request_id=new_id("req"),
        reward_id=reward_id or f"r{new_id('x')[-10:]}",
        terms=terms(**fields),
        stock_count=stock,
    )


async def a_reward(
    benefits: BenefitsWorld, program_id: str, *, stock: int | None = None, **fields: Any
) -> pb.Reward:
    """A reward of the catalogue."""
    request = a_creation(program_id, stock=stock, **fields)
    return (await as_manager(benefits, program_id).CreateReward(request)).reward


def redeeming(story: Story, reward: pb.Reward, *, request_id: str | None = None) -> pb.RedeemRewardRequest:
    return pb.RedeemRewardRequest(
        program_id=story.program_id,
        request_id=request_id or new_id("req"),
        member_id=story.member_id,
        reward_id=reward.reward_id,
    )


async def a_redemption(benefits: BenefitsWorld, story: Story, reward: pb.Reward) -> pb.Redemption:
    """What a member has reserved for themselves."""
    return (await as_member(benefits, story).RedeemReward(redeeming(story, reward))).redemption


def fulfilling(story: Story, redemption: pb.Redemption) -> pb.FulfilRedemptionRequest:
    return pb.FulfilRedemptionRequest(
        program_id=story.program_id, request_id=new_id("req"), redemption_id=redemption.redemption_id
    )


def cancelling(story: Story, redemption: pb.Redemption) -> pb.CancelRedemptionRequest:
    return pb.CancelRedemptionRequest(
        program_id=story.program_id, request_id=new_id("req"), redemption_id=redemption.redemption_id
    )


async def fulfilled(benefits: BenefitsWorld, story: Story, redemption: pb.Redemption) -> pb.Redemption:
    """The same, handed out by the shop."""
    shop = as_(benefits, "partner", "shop", story.program_id)
    return (await shop.FulfilRedemption(fulfilling(story, redemption))).redemption


async def reward_now(benefits: BenefitsWorld, program_id: str, reward_id: str) -> pb.Reward:
    """A reward as it stands."""
    request = pb.BatchGetRewardsRequest(program_id=program_id, reward_ids=[reward_id])
    (result,) = (await as_manager(benefits, program_id).BatchGetRewards(request)).results
    return result.reward


async def redemptions_of(benefits: BenefitsWorld, story: Story) -> list[pb.Redemption]:
    """What a member has had, latest first."""
    request = pb.BatchListRedemptionsRequest(program_id=story.program_id, member_ids=[story.member_id])
    (result,) = (await as_member(benefits, story).BatchListRedemptions(request)).results
    return list(result.redemptions)


async def points_left(benefits: BenefitsWorld, story: Story) -> tuple[int, int]:
    """What a member may spend, and what is held."""
    accounts = benefits.database.accounts
    ids = [f"{story.program_id}/{story.member_id}/points{end}" for end in ("", "/held")]
    found = {each["_id"]: each["balance"] async for each in accounts.find({"_id": {"$in": ids}})}
    return found.get(ids[0], 0), found.get(ids[1], 0)


async def moved_later(benefits: BenefitsWorld, redemption: pb.Redemption) -> None:
    """Have the time of what is reserved be over since an hour."""
    await benefits.database.redemptions.update_one(
        {"_id": redemption.redemption_id}, {"$set": {"due_time": NOON - AN_HOUR}}
    )


async def disagreements(benefits: BenefitsWorld, program_id: str) -> list[str]:
    """Where the books of a program contradict themselves: stock, points, and what pays for what."""
    database, of_program = benefits.database, {"program_id": program_id}
    redemptions = await database.redemptions.find(of_program).to_list(None)
    holds = await database.holds.find({**of_program, "source": SOURCE}).to_list(None)
    moves = await database.transactions.find({**of_program, "hold_id": {"$exists": True}}).to_list(None)
    rewards = await database.rewards.find(of_program).to_list(None)
    found = [*stock_faults(rewards, redemptions), *payment_faults(redemptions, holds, moves)]
    return [*found, *await _faults(benefits, program_id)]


async def _faults(benefits: BenefitsWorld, program_id: str) -> list[str]:
    """What the service itself finds wrong with the ledger."""
    request = benefits_pb2.VerifyLedgerRequest(program_id=program_id)
    told = [each async for each in benefits.staff_of(program_id).VerifyLedger(request)]
    assert told[-1].done
    return [f"{each.code} {each.object_id}: {each.detail}" for each in told[-1].faults]
