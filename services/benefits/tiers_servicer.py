"""The gRPC edge of tiers given by hand: messages to commands, results to messages. No decisions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laurel.benefits.v1 import tiers_pb2 as pb
from laurel.benefits.v1 import tiers_pb2_grpc
from libs.common.caller import caller
from libs.common.clock import milliseconds
from libs.common.mongo import Request, request
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import moment
from services.benefits.domain.overrides import TierOverride
from services.benefits.handlers.overrides import OverrideHandlers
from services.benefits.tier_messages import code_of, override_message

PAGE_SIZE = 20


@dataclass(frozen=True)
class TiersServicer(tiers_pb2_grpc.TiersServiceServicer):
    """TiersService over its handlers."""

    overrides: OverrideHandlers
    now: Callable[[], datetime]
    new_id: Callable[[str], str]

    async def OverrideTier(self, message: pb.OverrideTierRequest, context: Any) -> pb.OverrideTierResponse:
        asked: Request[pb.OverrideTierResponse] = request(
            message.program_id, "OverrideTier", message.request_id, message, pb.OverrideTierResponse
        )
        override = TierOverride(
            override_id=self.new_id("ovr"),
            program_id=message.program_id,
            member_id=message.member_id,
            tier_set=message.tier_set,
            tier=message.tier,
            code=code_of(message.reason),
            explanation=message.explanation,
            asked_by=caller().subject,
            asked_time=self.now(),
            until_time=milliseconds(moment(message.until_time)) if message.HasField("until_time") else None,
            decision_id=message.decision_id,
        )
        return await self.overrides.ask(
            override, asked, lambda each: pb.OverrideTierResponse(override=override_message(each))
        )

    async def ApproveTierOverride(
        self, message: pb.ApproveTierOverrideRequest, context: Any
    ) -> pb.ApproveTierOverrideResponse:
        asked: Request[pb.ApproveTierOverrideResponse] = request(
            message.program_id,
            "ApproveTierOverride",
            message.request_id,
            message,
            pb.ApproveTierOverrideResponse,
        )
        return await self.overrides.approve(
            message.program_id,
            message.override_id,
            asked,
            lambda each: pb.ApproveTierOverrideResponse(override=override_message(each)),
        )

    async def EndTierOverride(
        self, message: pb.EndTierOverrideRequest, context: Any
    ) -> pb.EndTierOverrideResponse:
        asked: Request[pb.EndTierOverrideResponse] = request(
            message.program_id, "EndTierOverride", message.request_id, message, pb.EndTierOverrideResponse
        )
        return await self.overrides.end(
            message.program_id,
            message.override_id,
            message.explanation,
            asked,
            lambda each: pb.EndTierOverrideResponse(override=override_message(each)),
        )

    async def ListTierOverrides(
        self, message: pb.ListTierOverridesRequest, context: Any
    ) -> pb.ListTierOverridesResponse:
        pages = f"{message.program_id}/{message.member_id}/{message.pending}"
        found, following = await self.overrides.listed(
            message.program_id,
            message.member_id,
            pending=message.pending,
            before=page_after(message.page_token, pages) or "",
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListTierOverridesResponse(
            overrides=map(override_message, found),
            next_page_token=page_token(following, pages) if following else "",
        )
