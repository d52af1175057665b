"""Tiers given by hand of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import tiers_pb2 as pb
from laurel.benefits.v1 import tiers_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import Context, Fake

LISTED = ("ovr_3", "ovr_2", "ovr_1")


def an_override(owner: str, **fields: Any) -> pb.TierOverride:
    """Gold for good, which waits for a second person."""
    given: dict[str, Any] = {
        "override_id": "ovr_1",
        "tier_set": "main",
        "tier": "gold",
        "reason": pb.TIER_OVERRIDE_REASON_GOODWILL,
        "explanation": "case 4711",
        "state": pb.TIER_OVERRIDE_STATE_PENDING,
        "asked_by": "mia",
        "asked_time": timestamp(world.NOON),
        **fields,
    }
    return pb.TierOverride(member_id=owner, **given)


class FakeTiers(Fake, tiers_pb2_grpc.TiersServiceServicer):
    async def OverrideTier(self, request: pb.OverrideTierRequest, context: Context) -> Any:
        await self.begin("OverrideTier", request)
        return pb.OverrideTierResponse(override=an_override(request.member_id, tier=request.tier))

    async def ApproveTierOverride(self, request: pb.ApproveTierOverrideRequest, context: Context) -> Any:
        await self.begin("ApproveTierOverride", request)
        return pb.ApproveTierOverrideResponse(
            override=an_override(
                world.member_id(1),
                state=pb.TIER_OVERRIDE_STATE_APPLIED,
                decided_by="otto",
                decided_time=timestamp(world.NOON),
                applied_decision_id="dec_1",
            )
        )

    async def EndTierOverride(self, request: pb.EndTierOverrideRequest, context: Context) -> Any:
        await self.begin("EndTierOverride", request)
        return pb.EndTierOverrideResponse(
            override=an_override(
                world.member_id(1),
                state=pb.TIER_OVERRIDE_STATE_ENDED,
                ended_by="otto",
                ended_time=timestamp(world.NOON),
            )
        )

    async def ListTierOverrides(self, request: pb.ListTierOverridesRequest, context: Context) -> Any:
        await self.begin("ListTierOverrides", request)
        before = page_after(request.page_token, request.program_id) or "ovr_9"
        following = [key for key in LISTED if key < before]
        page = following[: request.page_size]
        more = page_token(page[-1], request.program_id) if len(following) > len(page) else ""
        return pb.ListTierOverridesResponse(
            overrides=[an_override(world.member_id(1), override_id=key) for key in page], next_page_token=more
        )
