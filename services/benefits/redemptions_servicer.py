"""The gRPC edge of redemptions, a part of RewardsService: messages to commands, results to messages."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import rewards_pb2 as pb
from laurel.common.v1 import lookup_pb2
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.handlers.redemption_reads import RedemptionReads
from services.benefits.handlers.redemptions import RedemptionHandlers
from services.benefits.handlers.reward_grants import GrantHandlers
from services.benefits.reward_messages import STATES, redemption_message

FIRST, PAGE_SIZE = 20, 50
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class RedemptionRpcs:
    """The RPCs of RewardsService that are about what members have of rewards."""

    redemptions: RedemptionHandlers
    grants: GrantHandlers
    lists: RedemptionReads

    async def RedeemReward(self, message: pb.RedeemRewardRequest, context: Any) -> pb.RedeemRewardResponse:
        asked = request(
            message.program_id, "RedeemReward", message.request_id, message, pb.RedeemRewardResponse
        )
        return await self.redemptions.redeem(
            message.program_id,
            message.member_id,
            message.reward_id,
            asked,
            lambda each: pb.RedeemRewardResponse(redemption=redemption_message(each)),
        )

    async def FulfilRedemption(
        self, message: pb.FulfilRedemptionRequest, context: Any
    ) -> pb.FulfilRedemptionResponse:
        asked = request(
            message.program_id, "FulfilRedemption", message.request_id, message, pb.FulfilRedemptionResponse
        )
        return await self.redemptions.fulfil(
            message.program_id,
            message.redemption_id,
            asked,
            lambda each: pb.FulfilRedemptionResponse(redemption=redemption_message(each)),
        )

    async def CancelRedemption(
        self, message: pb.CancelRedemptionRequest, context: Any
    ) -> pb.CancelRedemptionResponse:
        asked = request(
            message.program_id, "CancelRedemption", message.request_id, message, pb.CancelRedemptionResponse
        )
        return await self.redemptions.cancel(
            message.program_id,
            message.redemption_id,
            message.explanation,
            asked,
            lambda each: pb.CancelRedemptionResponse(redemption=redemption_message(each)),
        )

    async def GrantReward(self, message: pb.GrantRewardRequest, context: Any) -> pb.GrantRewardResponse:
        asked = request(
            message.program_id, "GrantReward", message.request_id, message, pb.GrantRewardResponse
        )
        return await self.grants.grant(
            message.program_id,
            message.member_id,
            message.reward_id,
            message.explanation,
            asked,
            lambda each: pb.GrantRewardResponse(redemption=redemption_message(each)),
        )

    async def ApproveGrant(self, message: pb.ApproveGrantRequest, context: Any) -> pb.ApproveGrantResponse:
        asked = request(
            message.program_id, "ApproveGrant", message.request_id, message, pb.ApproveGrantResponse
        )
        return await self.grants.approve(
            message.program_id,
            message.redemption_id,
            message.explanation,
            asked,
            lambda each: pb.ApproveGrantResponse(redemption=redemption_message(each)),
        )

    async def RejectGrant(self, message: pb.RejectGrantRequest, context: Any) -> pb.RejectGrantResponse:
        asked = request(
            message.program_id, "RejectGrant", message.request_id, message, pb.RejectGrantResponse
        )
        return await self.grants.reject(
            message.program_id,
            message.redemption_id,
            message.explanation,
            asked,
            lambda each: pb.RejectGrantResponse(redemption=redemption_message(each)),
        )

    async def ListRedemptions(
        self, message: pb.ListRedemptionsRequest, context: Any
    ) -> pb.ListRedemptionsResponse:
        filters = (message.program_id, message.member_id, message.reward_id, str(message.state))
        found, following = await self.lists.page(
            message.program_id,
            member_id=message.member_id,
            reward_id=message.reward_id,
            state=STATES.get(message.state),
            after=page_after(message.page_token, *filters),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListRedemptionsResponse(
            redemptions=[redemption_message(each, for_staff=True) for each in found],
            next_page_token=page_token(following, *filters) if following else "",
        )

    async def BatchListRedemptions(
        self, message: pb.BatchListRedemptionsRequest, context: Any
    ) -> pb.BatchListRedemptionsResponse:
        found = await self.lists.of_members(message.program_id, message.member_ids, message.first or FIRST)
        return pb.BatchListRedemptionsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.RedemptionsResult(
                    status=FOUND, redemptions=[redemption_message(one) for one in each]
                ),
                missing=pb.RedemptionsResult(status=MISSING),
            )
        )

    async def BatchGetRedemptions(
        self, message: pb.BatchGetRedemptionsRequest, context: Any
    ) -> pb.BatchGetRedemptionsResponse:
        found = await self.lists.several(message.program_id, message.redemption_ids)
        return pb.BatchGetRedemptionsResponse(
            results=in_order(
                message.redemption_ids,
                found,
                lambda each: pb.RedemptionResult(status=FOUND, redemption=redemption_message(each)),
                missing=pb.RedemptionResult(status=MISSING),
            )
        )
