"""The gRPC edge of rewards and redemptions: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import rewards_pb2 as pb
from laurel.benefits.v1 import rewards_pb2_grpc
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.handlers.reward_checks import RewardChecks
from services.benefits.handlers.rewards import RewardHandlers
from services.benefits.redemptions_servicer import FOUND, MISSING, PAGE_SIZE, RedemptionRpcs
from services.benefits.reward_messages import KINDS, check_message, reward_message, terms_of


@dataclass(frozen=True)
class RewardsServicer(RedemptionRpcs, rewards_pb2_grpc.RewardsServiceServicer):
    """RewardsService over the handlers of rewards, redemptions and grants."""

    rewards: RewardHandlers
    checks: RewardChecks

    async def CreateReward(self, message: pb.CreateRewardRequest, context: Any) -> pb.CreateRewardResponse:
        asked = request(
            message.program_id, "CreateReward", message.request_id, message, pb.CreateRewardResponse
        )
        return await self.rewards.create(
            message.program_id,
            message.reward_id,
            terms_of(message.terms),
            message.stock_count if message.HasField("stock_count") else None,
            asked,
            lambda reward: pb.CreateRewardResponse(reward=reward_message(reward)),
        )

    async def UpdateReward(self, message: pb.UpdateRewardRequest, context: Any) -> pb.UpdateRewardResponse:
        asked = request(
            message.program_id, "UpdateReward", message.request_id, message, pb.UpdateRewardResponse
        )
        return await self.rewards.update(
            message.program_id,
            message.reward_id,
            message.version,
            terms_of(message.terms),
            archived=message.archived,
            request=asked,
            answer=lambda reward: pb.UpdateRewardResponse(reward=reward_message(reward)),
        )

    async def RestockReward(self, message: pb.RestockRewardRequest, context: Any) -> pb.RestockRewardResponse:
        asked = request(
            message.program_id, "RestockReward", message.request_id, message, pb.RestockRewardResponse
        )
        return await self.rewards.restock(
            message.program_id,
            message.reward_id,
            message.added_count,
            message.explanation,
            asked,
            lambda reward: pb.RestockRewardResponse(reward=reward_message(reward)),
        )

    async def ListRewards(self, message: pb.ListRewardsRequest, context: Any) -> pb.ListRewardsResponse:
        filters = (message.program_id, str(message.kind), str(message.include_archived))
        found, following = await self.rewards.page(
            message.program_id,
            kind=KINDS.get(message.kind),
            archived=message.include_archived,
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListRewardsResponse(
            rewards=[reward_message(each) for each in found],
            next_page_token=page_token(following, *filters) if following else "",
        )

    async def BatchGetRewards(
        self, message: pb.BatchGetRewardsRequest, context: Any
    ) -> pb.BatchGetRewardsResponse:
        found = await self.rewards.several(message.program_id, message.reward_ids)
        return pb.BatchGetRewardsResponse(
            results=in_order(
                message.reward_ids,
                found,
                lambda each: pb.RewardResult(status=FOUND, reward=reward_message(each)),
                missing=pb.RewardResult(status=MISSING),
            )
        )

    async def BatchCheckRewards(
        self, message: pb.BatchCheckRewardsRequest, context: Any
    ) -> pb.BatchCheckRewardsResponse:
        keys = [(key.member_id, key.reward_id) for key in message.keys]
        program, found = await self.checks.check(message.program_id, keys)
        return pb.BatchCheckRewardsResponse(
            results=in_order(
                keys,
                found,
                lambda each: pb.RewardCheckResult(status=FOUND, obstacles=check_message(each, program)),
                missing=pb.RewardCheckResult(status=MISSING),
            )
        )
