"""The gRPC edge of points in use: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import points_pb2 as pb
from laurel.benefits.v1 import points_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.mongo import Request, request
from libs.common.paging import page_after, page_token
from libs.common.rpc.lookup import in_order
from services.benefits.handlers.adjustments import AdjustmentHandlers
from services.benefits.handlers.hold_reads import HoldReads
from services.benefits.handlers.transfers import Passed, Passing, TransferHandlers
from services.benefits.point_messages import adjustment_message, hold_message

FIRST, PAGE_SIZE = 20, 20
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class PointsServicer(points_pb2_grpc.PointsServiceServicer):
    """PointsService over its handlers."""

    holds: HoldReads
    adjustments: AdjustmentHandlers
    transfers: TransferHandlers

    async def BatchListHolds(
        self, message: pb.BatchListHoldsRequest, context: Any
    ) -> pb.BatchListHoldsResponse:
        found = await self.holds.open_of(message.program_id, message.member_ids, message.first or FIRST)
        return pb.BatchListHoldsResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.HoldsResult(status=FOUND, holds=map(hold_message, each)),
                missing=pb.HoldsResult(status=MISSING),
            )
        )

    async def AdjustPoints(self, message: pb.AdjustPointsRequest, context: Any) -> pb.AdjustPointsResponse:
        asked: Request[pb.AdjustPointsResponse] = request(
            message.program_id, "AdjustPoints", message.request_id, message, pb.AdjustPointsResponse
        )
        return await self.adjustments.ask(
            message.program_id,
            message.member_id,
            points=message.points,
            reason=message.reason,
            request=asked,
            answer=lambda each: pb.AdjustPointsResponse(adjustment=adjustment_message(each)),
        )

    async def ApproveAdjustment(
        self, message: pb.ApproveAdjustmentRequest, context: Any
    ) -> pb.ApproveAdjustmentResponse:
        asked: Request[pb.ApproveAdjustmentResponse] = request(
            message.program_id, "ApproveAdjustment", message.request_id, message, pb.ApproveAdjustmentResponse
        )
        return await self.adjustments.approve(
            message.program_id,
            message.adjustment_id,
            asked,
            lambda each: pb.ApproveAdjustmentResponse(adjustment=adjustment_message(each)),
        )

    async def RejectAdjustment(
        self, message: pb.RejectAdjustmentRequest, context: Any
    ) -> pb.RejectAdjustmentResponse:
        asked: Request[pb.RejectAdjustmentResponse] = request(
            message.program_id, "RejectAdjustment", message.request_id, message, pb.RejectAdjustmentResponse
        )
        return await self.adjustments.reject(
            message.program_id,
            message.adjustment_id,
            message.reason,
            asked,
            lambda each: pb.RejectAdjustmentResponse(adjustment=adjustment_message(each)),
        )

    async def ListPendingAdjustments(
        self, message: pb.ListPendingAdjustmentsRequest, context: Any
    ) -> pb.ListPendingAdjustmentsResponse:
        found, following = await self.adjustments.pending(
            message.program_id,
            after=page_after(message.page_token, message.program_id) or "",
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListPendingAdjustmentsResponse(
            adjustments=map(adjustment_message, found),
            next_page_token=page_token(following, message.program_id) if following else "",
        )

    async def TransferPoints(
        self, message: pb.TransferPointsRequest, context: Any
    ) -> pb.TransferPointsResponse:
        asked: Request[pb.TransferPointsResponse] = request(
            message.program_id, "TransferPoints", message.request_id, message, pb.TransferPointsResponse
        )
        return await self.transfers.transfer(
            Passing(message.program_id, message.member_id, message.to_member_id, message.points),
            asked,
            _passed,
        )


def _passed(passed: Passed) -> pb.TransferPointsResponse:
    return pb.TransferPointsResponse(
        transfer_id=passed.transfer_id, points=passed.points, available_points=passed.available_points
    )
