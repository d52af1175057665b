"""Reveals of members, as the gateway's tests know them."""

from typing import Any

from laurel.members.v1 import access_pb2 as pb
from laurel.members.v1 import access_pb2_grpc
from laurel.members.v1 import members_pb2 as members
from libs.common.rpc.time import timestamp
from tests.gateway.fake import Context, Fake
from tests.gateway.world import NOON

BREAK_GLASS_ID = "bgl_" + "1" * 32


def a_reveal(member_id: str) -> pb.Reveal:
    return pb.Reveal(
        reveal_id="rev_1",
        member_id=member_id,
        identities=[members.Identity(source="shop", external_id="customer-00001")],
        birthday="05-17",
        until_time=timestamp(NOON),
        left_count=29,
    )


def a_break_glass() -> pb.BreakGlass:
    return pb.BreakGlass(
        break_glass_id=BREAK_GLASS_ID,
        opened_by="root",
        opened_time=timestamp(NOON),
        until_time=timestamp(NOON),
        reveals_count=1,
    )


class FakeAccess(Fake, access_pb2_grpc.AccessServiceServicer):
    async def RevealMember(self, request: pb.RevealMemberRequest, context: Context) -> Any:
        await self.begin("RevealMember", request)
        return pb.RevealMemberResponse(reveal=a_reveal(request.member_id))

    async def OpenBreakGlass(self, request: pb.OpenBreakGlassRequest, context: Context) -> Any:
        await self.begin("OpenBreakGlass", request)
        return pb.OpenBreakGlassResponse(break_glass=a_break_glass())

    async def ListBreakGlasses(self, request: pb.ListBreakGlassesRequest, context: Context) -> Any:
        await self.begin("ListBreakGlasses", request)
        first = not request.page_token
        return pb.ListBreakGlassesResponse(
            break_glasses=[a_break_glass()], next_page_token="more" if first else ""
        )

    async def EndBreakGlass(self, request: pb.EndBreakGlassRequest, context: Context) -> Any:
        await self.begin("EndBreakGlass", request)
        return pb.EndBreakGlassResponse(break_glass=a_break_glass())

    async def RevealByBreakGlass(self, request: pb.RevealByBreakGlassRequest, context: Context) -> Any:
        await self.begin("RevealByBreakGlass", request)
        return pb.RevealByBreakGlassResponse(reveal=a_reveal(request.member_id))
