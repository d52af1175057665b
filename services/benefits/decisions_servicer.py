"""The gRPC edge of explained decisions: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import decisions_pb2 as pb
from laurel.benefits.v1 import decisions_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.rpc.lookup import in_order
from libs.common.rpc.time import moment, timestamp
from services.benefits.handlers.explaining import ExplainingHandlers, Keeping, Key, Paths
from services.benefits.messages import facts_messages

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class DecisionsServicer(decisions_pb2_grpc.DecisionsServiceServicer):
    """DecisionsService over its handlers."""

    explaining: ExplainingHandlers

    async def BatchReplayDecisions(
        self, message: pb.BatchReplayDecisionsRequest, context: Any
    ) -> pb.BatchReplayDecisionsResponse:
        found = await self.explaining.replays(message.program_id, message.decision_ids)
        return pb.BatchReplayDecisionsResponse(
            results=in_order(
                message.decision_ids,
                found,
                lambda each: pb.ReplayResult(status=FOUND, replay=each),
                missing=pb.ReplayResult(status=MISSING),
            )
        )

    async def FindPaths(self, message: pb.FindPathsRequest, context: Any) -> pb.FindPathsResponse:
        found = await self.explaining.paths(
            message.program_id,
            message.member_id,
            message.tier_set,
            target=message.target_tier,
            by=moment(message.by_time) if message.HasField("by_time") else None,
        )
        return _paths(found)

    async def BatchFindPaths(
        self, message: pb.BatchFindPathsRequest, context: Any
    ) -> pb.BatchFindPathsResponse:
        keys = _keys(message)
        found = await self.explaining.paths_of(
            message.program_id,
            keys,
            target=message.target_tier,
            by=moment(message.by_time) if message.HasField("by_time") else None,
        )
        return pb.BatchFindPathsResponse(
            results=in_order(
                keys,
                found,
                lambda each: pb.PathsResult(status=FOUND, paths=_paths(each)),
                missing=pb.PathsResult(status=MISSING),
            )
        )

    async def GetKeeping(self, message: pb.GetKeepingRequest, context: Any) -> pb.GetKeepingResponse:
        return _keeping(
            await self.explaining.keeping(message.program_id, message.member_id, message.tier_set)
        )

    async def BatchGetKeepings(
        self, message: pb.BatchGetKeepingsRequest, context: Any
    ) -> pb.BatchGetKeepingsResponse:
        keys = _keys(message)
        return pb.BatchGetKeepingsResponse(
            results=in_order(
                keys,
                await self.explaining.keepings(message.program_id, keys),
                lambda each: pb.KeepingResult(status=FOUND, keeping=_keeping(each)),
                missing=pb.KeepingResult(status=MISSING),
            )
        )


def _keys(message: pb.BatchFindPathsRequest | pb.BatchGetKeepingsRequest) -> list[Key]:
    return [(each.member_id, each.tier_set) for each in message.keys]


def _paths(paths: Paths) -> pb.FindPathsResponse:
    return pb.FindPathsResponse(found=paths.found, by_time=timestamp(paths.by))


def _keeping(kept: Keeping) -> pb.GetKeepingResponse:
    review_time = kept.membership.review_time
    return pb.GetKeepingResponse(
        tier=kept.membership.tier,
        review_time=None if review_time is None else timestamp(review_time),
        found=kept.found,
        changes=[
            pb.FactChange(date=day.isoformat(), facts=facts_messages(facts)) for day, facts in kept.changes
        ],
    )
