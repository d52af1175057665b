"""The gRPC edge of reveals: messages to calls of their handlers and back. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.members.v1 import access_pb2 as pb
from laurel.members.v1 import access_pb2_grpc
from libs.common.mongo import request
from services.members.handlers.reveals import RevealHandlers
from services.members.messages import break_glass_message, reveal_message


@dataclass(frozen=True)
class AccessServicer(access_pb2_grpc.AccessServiceServicer):
    """AccessService over the handlers of reveals."""

    reveals: RevealHandlers

    async def RevealMember(self, message: pb.RevealMemberRequest, context: Any) -> pb.RevealMemberResponse:
        asked = request(
            message.program_id, "RevealMember", message.request_id, message, pb.RevealMemberResponse
        )
        return await self.reveals.reveal(
            message.program_id,
            message.member_id,
            message.reason,
            asked,
            lambda reveal: pb.RevealMemberResponse(reveal=reveal_message(reveal)),
        )

    async def OpenBreakGlass(
        self, message: pb.OpenBreakGlassRequest, context: Any
    ) -> pb.OpenBreakGlassResponse:
        asked = request(
            message.program_id, "OpenBreakGlass", message.request_id, message, pb.OpenBreakGlassResponse
        )
        return await self.reveals.open_break_glass(
            message.program_id,
            message.reason,
            asked,
            lambda glass: pb.OpenBreakGlassResponse(break_glass=break_glass_message(glass)),
        )

    async def EndBreakGlass(self, message: pb.EndBreakGlassRequest, context: Any) -> pb.EndBreakGlassResponse:
        asked = request(
            message.program_id, "EndBreakGlass", message.request_id, message, pb.EndBreakGlassResponse
        )
        return await self.reveals.end_break_glass(
            message.program_id,
            message.break_glass_id,
            asked,
            lambda glass: pb.EndBreakGlassResponse(break_glass=break_glass_message(glass)),
        )

    async def RevealByBreakGlass(
        self, message: pb.RevealByBreakGlassRequest, context: Any
    ) -> pb.RevealByBreakGlassResponse:
        asked = request(
            message.program_id,
            "RevealByBreakGlass",
            message.request_id,
            message,
            pb.RevealByBreakGlassResponse,
        )
        return await self.reveals.reveal_by_break_glass(
            message.program_id,
            message.member_id,
            message.break_glass_id,
            asked,
            lambda reveal: pb.RevealByBreakGlassResponse(reveal=reveal_message(reveal)),
        )
