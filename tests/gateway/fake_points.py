"""Points in use of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import points_pb2 as pb
from laurel.benefits.v1 import points_pb2_grpc, tills_pb2
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

WAITING = ("adj_1", "adj_2", "adj_3")


def a_hold(owner: str) -> tills_pb2.PointsHold:
    """40 points of a check that is not settled."""
    return tills_pb2.PointsHold(
        hold_id="hld_1",
        member_id=owner,
        source="shop",
        external_ref="check-1",
        line=2,
        points=40,
        point_type="club_points",
        money_minor=2**40,
        state=tills_pb2.HOLD_STATE_OPEN,
        since_time=timestamp(world.NOON),
        expires_time=timestamp(world.NOON),
    )


def an_adjustment(owner: str, points: int = 30, **fields: Any) -> pb.Adjustment:
    """What waits for a second person."""
    given: dict[str, Any] = {
        "adjustment_id": "adj_1",
        "reason": "goodwill",
        "state": pb.ADJUSTMENT_STATE_PENDING,
        "asked_by": "sue",
        "asked_time": timestamp(world.NOON),
        **fields,
    }
    return pb.Adjustment(member_id=owner, points=points, **given)


def _decided(state: "pb.AdjustmentState.ValueType", **fields: Any) -> pb.Adjustment:
    """What a second person has decided."""
    given: dict[str, Any] = {
        "state": state,
        "decided_by": "max",
        "decided_time": timestamp(world.NOON),
        **fields,
    }
    return an_adjustment(world.member_id(1), **given)


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
        applied = _decided(pb.ADJUSTMENT_STATE_APPLIED, transaction_id="txn_1")
        return pb.ApproveAdjustmentResponse(adjustment=applied)

    async def RejectAdjustment(self, request: pb.RejectAdjustmentRequest, context: Context) -> Any:
        await self.begin("RejectAdjustment", request)
        return pb.RejectAdjustmentResponse(adjustment=_decided(pb.ADJUSTMENT_STATE_REJECTED))

    async def ListPendingAdjustments(
        self, request: pb.ListPendingAdjustmentsRequest, context: Context
    ) -> Any:
        await self.begin("ListPendingAdjustments", request)
        after = page_after(request.page_token, request.program_id) or ""
        waiting = [key for key in WAITING if key > after]
        page = waiting[: request.page_size]
        more = page_token(page[-1], request.program_id) if len(waiting) > len(page) else ""
        return pb.ListPendingAdjustmentsResponse(
            adjustments=[an_adjustment(world.member_id(1), adjustment_id=key) for key in page],
            next_page_token=more,
        )
