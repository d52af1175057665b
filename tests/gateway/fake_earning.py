"""Earning of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import benefits_pb2, earning_pb2_grpc
from laurel.benefits.v1 import earning_pb2 as pb
from laurel.scoring.v1 import receipts_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

TIER = benefits_pb2.EarningFactor(key="tier", kind="multiplier", bp=20_000)
OFFLINE = benefits_pb2.EarningFactor(key="offline", kind="bonus", bp=3_000)
SPEND = benefits_pb2.EarningExplanation(
    rule="purchase",
    amount_minor=1_000,
    unit_minor=100,
    points_per_unit=1,
    multiplier_bp=23_000,
    tier="silver",
    points=23,
    factors=[TIER, OFFLINE],
    stacking="max",
    rounding="floor",
)
CAPPED = benefits_pb2.EarningExplanation(
    rule="check_in",
    points_per_event=5,
    multiplier_bp=20_000,
    tier="silver",
    stacking="max",
    rounding="floor",
    reason=receipts_pb2.Reason(code="EARNING_CAP_TIMES", params={"cap": "check_in", "limit": "1"}),
)
PREVIEW = pb.PointsPreview(
    points=23,
    tier="silver",
    business_date="1998-07-01",
    active_time=timestamp(world.NOON),
    rules=[SPEND, CAPPED],
    multipliers=[
        pb.TriedMultiplier(factor=TIER),
        pb.TriedMultiplier(factor=OFFLINE, reason=receipts_pb2.Reason(code="EARNING_CONDITION_NOT_MET")),
    ],
    tiers=[
        pb.TierPreview(
            tier_set="main",
            tier="silver",
            tier_after="gold",
            outcome=receipts_pb2.TIER_OUTCOME_UPGRADED,
            reasons=[receipts_pb2.Reason(code="TIER_KEPT", params={"tier": "gold"})],
            next=receipts_pb2.NextTier(
                tier="platinum",
                gaps=[receipts_pb2.Gap(path="entry", metric="spend", value=1, threshold=3, missing=2)],
            ),
        )
    ],
)


class FakeEarning(Fake, earning_pb2_grpc.EarningServiceServicer):
    async def BatchPreviewPoints(self, request: pb.BatchPreviewPointsRequest, context: Context) -> Any:
        await self.begin("BatchPreviewPoints", request)
        results = self.per_member(
            lambda _: pb.PointsPreviewResult(status=FOUND, preview=PREVIEW),
            pb.PointsPreviewResult(status=MISSING),
            [event.member_id for event in request.events],
        )
        return pb.BatchPreviewPointsResponse(results=results)
