"""The gRPC edge of explanations: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.scoring.v1 import explanations_pb2 as pb
from laurel.scoring.v1 import explanations_pb2_grpc
from libs.common.caller import caller
from services.scoring.explaining import ExplainingHandlers
from services.scoring.explanation_messages import found_message, replay_message, told, wanted
from services.scoring.programs import NamedProgram


@dataclass(frozen=True)
class ExplanationServicer(explanations_pb2_grpc.ExplanationServiceServicer):
    """ExplanationService over its handlers."""

    handlers: ExplainingHandlers

    async def ReplayReceipts(
        self, message: pb.ReplayReceiptsRequest, context: Any
    ) -> pb.ReplayReceiptsResponse:
        named = NamedProgram(message.program_digest, message.program_document)
        receipts = self.handlers.replay(caller(), named, [told(each) for each in message.receipts])
        return pb.ReplayReceiptsResponse(
            replays=[replay_message(was, now) for was, now in zip(message.receipts, receipts, strict=True)]
        )

    async def FindTierPaths(self, message: pb.FindTierPathsRequest, context: Any) -> pb.FindTierPathsResponse:
        named = NamedProgram(message.program_digest, message.program_document)
        return found_message(*self.handlers.find_paths(caller(), named, wanted(message)))
