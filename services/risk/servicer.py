"""The gRPC edge of risk: messages to commands, results to messages. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.common.v1 import lookup_pb2
from laurel.risk.v1 import risk_pb2 as pb
from laurel.risk.v1 import risk_pb2_grpc
from libs.common.caller import caller
from libs.common.pipeline import PipelineReader
from libs.common.rpc.lookup import in_order
from services.risk.handlers import ProfileHandlers
from services.risk.messages import profile_message

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class RiskServicer(risk_pb2_grpc.RiskServiceServicer):
    """RiskService over the handlers of risk."""

    profiles: ProfileHandlers
    pipeline: PipelineReader

    async def BatchGetRiskProfiles(
        self, message: pb.BatchGetRiskProfilesRequest, context: Any
    ) -> pb.BatchGetRiskProfilesResponse:
        caller().require_program(message.program_id)
        found = await self.profiles.profiles(message.program_id, message.member_ids)
        return pb.BatchGetRiskProfilesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.RiskProfileResult(status=FOUND, profile=profile_message(each)),
                missing=pb.RiskProfileResult(status=MISSING),
            )
        )

    async def GetPipelineStatus(
        self, message: pb.GetPipelineStatusRequest, context: Any
    ) -> pb.GetPipelineStatusResponse:
        return pb.GetPipelineStatusResponse(status=await self.pipeline.status(caller()))
