"""The rewards of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import rewards_pb2 as pb
from laurel.benefits.v1 import rewards_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

REDEMPTION_ID = f"rdm_{1:032x}"
OBSTACLE = pb.RewardObstacle(
    code=pb.REWARD_OBSTACLE_CODE_POINTS_MISSING,
    params={"missing_points": "40"},
    text_zh="还差40积分。",
    text_en="Points missing: 40.",
)
GRANT = pb.RewardGrant(granted_by="mia", explanation="an apology", decided_by="ned", decision="seen it")


def a_reward(reward_id: str) -> pb.Reward:
    """A coffee on weekend mornings, of which 3 are left."""
    return pb.Reward(
        reward_id=reward_id,
        version=2,
        terms=pb.RewardTerms(
            kind=pb.REWARD_KIND_GOODS,
            name_zh="咖啡",
            name_en="Coffee",
            description_en="Black",
            price_points=2**40,
            value_minor=500,
            tier_set="main",
            tier="gold",
            window=pb.RewardWindow(
                from_time=timestamp(world.NOON),
                hours=[pb.RewardHours(weekdays=[6, 7], from_minute=480, to_minute=720)],
            ),
            limits=pb.RewardLimits(member_day_max=1),
            reserve_minutes=60,
            point_type="club_points",
            coupon_campaign="summer",
        ),
        stocked_count=5,
        left_count=3,
    )


CATALOGUE = [a_reward(each) for each in ("coffee", "cup", "ticket")]


def a_redemption(state: pb.RedemptionState.ValueType = pb.REDEMPTION_STATE_RESERVED) -> pb.Redemption:
    """A coffee that the first member redeemed at noon."""
    return pb.Redemption(
        redemption_id=REDEMPTION_ID,
        member_id=world.member_id(1),
        reward_id="coffee",
        reward_version=1,
        kind=pb.REWARD_KIND_GOODS,
        name_zh="咖啡",
        name_en="Coffee",
        price_points=100,
        value_minor=500,
        state=state,
        created_time=timestamp(world.NOON),
        due_time=timestamp(world.NOON),
        point_type="club_points",
        coupon_id=f"cpn_{1:032x}",
    )


class FakeRewards(Fake, rewards_pb2_grpc.RewardsServiceServicer):
    async def ListRewards(self, request: pb.ListRewardsRequest, context: Context) -> Any:
        await self.begin("ListRewards", request)
        after = page_after(request.page_token, "rewards")
        listed = [each for each in CATALOGUE if after is None or each.reward_id > after]
        page = listed[: request.page_size]
        more = page_token(page[-1].reward_id, "rewards") if len(listed) > len(page) else ""
        return pb.ListRewardsResponse(rewards=page, next_page_token=more)

    async def BatchGetRewards(self, request: pb.BatchGetRewardsRequest, context: Context) -> Any:
        await self.begin("BatchGetRewards", request)
        found = {each.reward_id: pb.RewardResult(status=FOUND, reward=each) for each in CATALOGUE}
        missing = pb.RewardResult(status=MISSING)
        return pb.BatchGetRewardsResponse(results=[found.get(each, missing) for each in request.reward_ids])

    async def BatchCheckRewards(self, request: pb.BatchCheckRewardsRequest, context: Context) -> Any:
        """The cup is there for everybody, and nobody has points enough for anything else."""
        await self.begin("BatchCheckRewards", request)
        results = []
        for key in request.keys:
            against = [] if key.reward_id == "cup" else [OBSTACLE]
            known = self.knows(key.member_id)
            answer = pb.RewardCheckResult(status=FOUND, obstacles=against)
            results.append(answer if known else pb.RewardCheckResult(status=MISSING))
        return pb.BatchCheckRewardsResponse(results=results)

    async def BatchListRedemptions(self, request: pb.BatchListRedemptionsRequest, context: Context) -> Any:
        await self.begin("BatchListRedemptions", request)
        results = self.per_member(
            lambda _: pb.RedemptionsResult(status=FOUND, redemptions=[a_redemption()]),
            pb.RedemptionsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListRedemptionsResponse(results=results)

    async def ListRedemptions(self, request: pb.ListRedemptionsRequest, context: Context) -> Any:
        await self.begin("ListRedemptions", request)
        pending = a_redemption(pb.REDEMPTION_STATE_PENDING)
        pending.granted = True
        pending.grant.CopyFrom(GRANT)
        return pb.ListRedemptionsResponse(redemptions=[pending])

    async def CreateReward(self, request: pb.CreateRewardRequest, context: Context) -> Any:
        await self.begin("CreateReward", request)
        made = pb.Reward(reward_id=request.reward_id, version=1, terms=request.terms)
        return pb.CreateRewardResponse(reward=made)

    async def UpdateReward(self, request: pb.UpdateRewardRequest, context: Context) -> Any:
        await self.begin("UpdateReward", request)
        return pb.UpdateRewardResponse(reward=a_reward(request.reward_id))

    async def RestockReward(self, request: pb.RestockRewardRequest, context: Context) -> Any:
        await self.begin("RestockReward", request)
        return pb.RestockRewardResponse(reward=a_reward(request.reward_id))

    async def RedeemReward(self, request: pb.RedeemRewardRequest, context: Context) -> Any:
        await self.begin("RedeemReward", request)
        return pb.RedeemRewardResponse(redemption=a_redemption())

    async def FulfilRedemption(self, request: pb.FulfilRedemptionRequest, context: Context) -> Any:
        await self.begin("FulfilRedemption", request)
        return pb.FulfilRedemptionResponse(redemption=a_redemption(pb.REDEMPTION_STATE_FULFILLED))

    async def CancelRedemption(self, request: pb.CancelRedemptionRequest, context: Context) -> Any:
        await self.begin("CancelRedemption", request)
        return pb.CancelRedemptionResponse(redemption=a_redemption(pb.REDEMPTION_STATE_CANCELLED))

    async def GrantReward(self, request: pb.GrantRewardRequest, context: Context) -> Any:
        await self.begin("GrantReward", request)
        return pb.GrantRewardResponse(redemption=a_redemption(pb.REDEMPTION_STATE_PENDING))

    async def ApproveGrant(self, request: pb.ApproveGrantRequest, context: Context) -> Any:
        await self.begin("ApproveGrant", request)
        return pb.ApproveGrantResponse(redemption=a_redemption())

    async def RejectGrant(self, request: pb.RejectGrantRequest, context: Context) -> Any:
        await self.begin("RejectGrant", request)
        return pb.RejectGrantResponse(redemption=a_redemption(pb.REDEMPTION_STATE_REJECTED))
