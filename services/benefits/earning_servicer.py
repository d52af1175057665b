"""The gRPC edge of earning: messages to commands, results to messages. No decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import earning_pb2 as pb
from laurel.benefits.v1 import earning_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.caller import caller
from services.benefits.domain.ahead import TierAhead
from services.benefits.domain.earning_previews import Preview
from services.benefits.earning_messages import possible_event, preview_message
from services.benefits.handlers.earning import EarningHandlers

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class EarningServicer(earning_pb2_grpc.EarningServiceServicer):
    """EarningService over its handlers."""

    earning: EarningHandlers

    async def BatchPreviewPoints(
        self, message: pb.BatchPreviewPointsRequest, context: Any
    ) -> pb.BatchPreviewPointsResponse:
        principal = caller()
        source = principal.subject if principal.kind == "partner" else ""
        events = [possible_event(event, source) for event in message.events]
        previews = await self.earning.previews(message.program_id, events)
        return pb.BatchPreviewPointsResponse(results=[_result(each) for each in previews])


def _result(found: tuple[Preview, Sequence[TierAhead]] | None) -> pb.PointsPreviewResult:
    if found is None:
        return pb.PointsPreviewResult(status=MISSING)
    return pb.PointsPreviewResult(status=FOUND, preview=preview_message(*found))
