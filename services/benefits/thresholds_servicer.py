"""The gRPC edge of thresholds: messages to commands, results to messages. No decisions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import thresholds_pb2 as pb
from laurel.benefits.v1 import thresholds_pb2_grpc
from services.benefits.domain.threshold_results import Suggestions
from services.benefits.handlers.thresholds import Progress, ThresholdHandlers
from services.benefits.threshold_messages import question_of, suggestions_message


@dataclass(frozen=True)
class ThresholdsServicer(thresholds_pb2_grpc.ThresholdsServiceServicer):
    """ThresholdsService over its handlers."""

    thresholds: ThresholdHandlers

    async def SuggestThresholds(
        self, message: pb.SuggestThresholdsRequest, context: Any
    ) -> AsyncGenerator[pb.SuggestThresholdsResponse, None]:
        # Closed with the call: one at a time has its turn.
        async with aclosing(self.thresholds.suggest(question_of(message))) as found:
            async for each in found:
                yield _response(each)


def _response(each: Progress | Suggestions) -> pb.SuggestThresholdsResponse:
    if isinstance(each, Suggestions):
        return pb.SuggestThresholdsResponse(suggestions=suggestions_message(each))
    progress = pb.ThresholdProgress(
        tier_set=each.tier_set, tier=each.tier, done_count=each.done, total_count=each.total
    )
    return pb.SuggestThresholdsResponse(progress=progress)
