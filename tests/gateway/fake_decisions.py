"""Decisions of the benefits service and what is said about them, in memory."""

from collections.abc import Iterable
from typing import Any

from laurel.benefits.v1 import benefits_pb2, decisions_pb2_grpc
from laurel.benefits.v1 import decisions_pb2 as pb
from laurel.common.v1 import fact_pb2
from laurel.scoring.v1 import explanations_pb2, receipts_pb2
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake

DECISION_ID = "dec_1"
SPEND = "purchase.amount_minor.lifetime"
STEPS = [
    explanations_pb2.PathStep(metric="spend", amount=20_000, by_date="1998-09-29"),
    explanations_pb2.PathStep(metric="invites", amount=2, by_date="1998-09-29"),
]
OBSTACLE = explanations_pb2.TierObstacle(
    code="TOO_MUCH", metric="average_order", window="lifetime", value=9_000, at_most=5_000
)
WAYS = explanations_pb2.FindTierPathsResponse(
    target_tier="platinum",
    paths=[explanations_pb2.TierPath(steps=STEPS, cost=60_000)],
    obstacles=[explanations_pb2.TierObstacles(obstacles=[OBSTACLE])],
    exhaustive=True,
)
DIFFERENCE = explanations_pb2.ReplayDifference(path="facts_digest", was="a", **{"is": "b"})
REPLAY = explanations_pb2.Replay(
    receipt=receipts_pb2.Receipt(outcome=receipts_pb2.TIER_OUTCOME_KEPT, to_tier="silver", digest="e" * 64),
    differences=[DIFFERENCE],
)


class FakeDecisions(Fake, decisions_pb2_grpc.DecisionsServiceServicer):
    async def BatchGetDecisions(
        self, request: benefits_pb2.BatchGetDecisionsRequest, context: Context
    ) -> Any:
        await self.begin("BatchGetDecisions", request)
        decision = world.a_membership(world.member_id(1), self.world.program).decision
        results = [
            benefits_pb2.DecisionResult(status=FOUND, decision=decision)
            if each == DECISION_ID
            else benefits_pb2.DecisionResult(status=MISSING)
            for each in request.decision_ids
        ]
        return benefits_pb2.BatchGetDecisionsResponse(results=results)

    async def BatchReplayDecisions(self, request: pb.BatchReplayDecisionsRequest, context: Context) -> Any:
        await self.begin("BatchReplayDecisions", request)
        result = pb.ReplayResult(status=FOUND, replay=REPLAY)
        return pb.BatchReplayDecisionsResponse(results=[result for _ in request.decision_ids])

    async def BatchFindPaths(self, request: pb.BatchFindPathsRequest, context: Context) -> Any:
        """Every ladder but `ruby` may be climbed."""
        await self.begin("BatchFindPaths", request)
        found = pb.FindPathsResponse(found=WAYS, by_time=timestamp(world.NOON))
        if request.target_tier == "ruby":
            return pb.BatchFindPathsResponse(results=[pb.PathsResult(status=MISSING) for _ in request.keys])
        results = self.per_member(
            lambda _: pb.PathsResult(status=FOUND, paths=found),
            pb.PathsResult(status=MISSING),
            _owners(request.keys),
        )
        return pb.BatchFindPathsResponse(results=results)

    async def BatchGetKeepings(self, request: pb.BatchGetKeepingsRequest, context: Context) -> Any:
        await self.begin("BatchGetKeepings", request)
        change = pb.FactChange(date="1998-12-31", facts=[fact_pb2.Fact(name=SPEND, value=0)])
        kept = pb.GetKeepingResponse(
            tier="gold", review_time=timestamp(world.REVIEW), found=WAYS, changes=[change]
        )
        results = self.per_member(
            lambda _: pb.KeepingResult(status=FOUND, keeping=kept),
            pb.KeepingResult(status=MISSING),
            _owners(request.keys),
        )
        return pb.BatchGetKeepingsResponse(results=results)


def _owners(keys: Iterable[benefits_pb2.MembershipKey]) -> list[str]:
    return [key.member_id for key in keys]
