"""The gRPC edge of reveals: messages to calls of their handlers and back. No decisions."""

from dataclasses import dataclass
from typing import Any

from laurel.members.v1 import access_pb2 as pb
from laurel.members.v1 import access_pb2_grpc
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from services.members.handlers.reveals import RevealHandlers
from services.members.messages import break_glass_message, reveal_message

PAGE_SIZE = 20


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

    async def ListBreakGlasses(
        self, message: pb.ListBreakGlassesRequest, context: Any
    ) -> pb.ListBreakGlassesResponse:
        found, following = await self.reveals.open_break_glasses(
            message.program_id,
            before=page_after(message.page_token, message.program_id) or "",
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListBreakGlassesResponse(
            break_glasses=map(break_glass_message, found),
            next_page_token=page_token(following, message.program_id) if following else "",
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
