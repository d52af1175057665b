"""Points in use of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import points_pb2 as pb
from laurel.benefits.v1 import points_pb2_grpc, tills_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake


def a_hold(owner: str) -> tills_pb2.PointsHold:
    """40 points of a check that is not settled."""
    return tills_pb2.PointsHold(
        hold_id="hld_1",
        member_id=owner,
        source="shop",
        external_ref="check-1",
        line=2,
        points=40,
        money_minor=2**40,
        state=tills_pb2.HOLD_STATE_OPEN,
        since_time=timestamp(world.NOON),
        expires_time=timestamp(world.NOON),
    )


def an_adjustment(owner: str, points: int = 30, **fields: Any) -> pb.Adjustment:
    """What waits for a second person."""
    given: dict[str, Any] = {
        "reason": "goodwill",
        "state": pb.ADJUSTMENT_STATE_PENDING,
        "asked_by": "sue",
        **fields,
    }
    return pb.Adjustment(adjustment_id="adj_1", member_id=owner, points=points, **given)


class FakePoints(Fake, points_pb2_grpc.PointsServiceServicer):
    async def BatchListHolds(self, request: pb.BatchListHoldsRequest, context: Context) -> Any:
        await self.begin("BatchListHolds", request)
        results = self.per_member(
            lambda owner: pb.HoldsResult(status=FOUND, holds=[a_hold(owner)]),
            pb.HoldsResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListHoldsResponse(results=results)

    async def TransferPoints(self, request: pb.TransferPointsRequest, context: Context) -> Any:
        await self.begin("TransferPoints", request)
        return pb.TransferPointsResponse(transfer_id="trf_1", points=request.points, available_points=5)

    async def AdjustPoints(self, request: pb.AdjustPointsRequest, context: Context) -> Any:
        await self.begin("AdjustPoints", request)
        return pb.AdjustPointsResponse(adjustment=an_adjustment(request.member_id, request.points))

    async def ApproveAdjustment(self, request: pb.ApproveAdjustmentRequest, context: Context) -> Any:
        await self.begin("ApproveAdjustment", request)
        applied = an_adjustment(
            world.member_id(1),
            state=pb.ADJUSTMENT_STATE_APPLIED,
            decided_by="max",
            transaction_id="txn_1",
        )
        return pb.ApproveAdjustmentResponse(adjustment=applied)
