"""The gRPC edge of notices and webhooks: messages to commands, results to messages. No decisions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from laurel.benefits.v1 import notices_pb2 as pb
from laurel.benefits.v1 import notices_pb2_grpc
from laurel.common.v1 import lookup_pb2
from libs.common.mongo import request
from libs.common.paging import page_after, page_token
from libs.common.program import Program
from libs.common.rpc.lookup import in_order
from services.benefits.domain.notices import Notice, Preferences
from services.benefits.handlers.notices import NoticeHandlers
from services.benefits.messages import notice_message, preferences_message
from services.benefits.webhooks_servicer import WebhookRpcs

FIRST, PAGE_SIZE = 20, 50
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


@dataclass(frozen=True)
class NoticesServicer(WebhookRpcs, notices_pb2_grpc.NoticesServiceServicer):
    """NoticesService over the handlers of notices and of webhooks."""

    notices: NoticeHandlers

    async def BatchListNotices(
        self, message: pb.BatchListNoticesRequest, context: Any
    ) -> pb.BatchListNoticesResponse:
        program = await self.notices.program(message.program_id)
        found = await self.notices.of_members(
            message.program_id, message.member_ids, message.page_size or FIRST
        )
        return pb.BatchListNoticesResponse(
            results=in_order(
                message.member_ids,
                await _results(found, program),
                lambda each: each,
                missing=pb.NoticesResult(status=MISSING),
            )
        )

    async def ListStaffNotices(
        self, message: pb.ListStaffNoticesRequest, context: Any
    ) -> pb.ListStaffNoticesResponse:
        program = await self.notices.program(message.program_id)
        notices, following = await self.notices.of_staff(
            message.program_id,
            after=page_after(message.page_token, message.program_id),
            limit=message.page_size or PAGE_SIZE,
        )
        return pb.ListStaffNoticesResponse(
            notices=[notice_message(notice, program) for notice in notices],
            next_page_token=page_token(following, message.program_id) if following else "",
        )

    async def BatchGetNoticePreferences(
        self, message: pb.BatchGetNoticePreferencesRequest, context: Any
    ) -> pb.BatchGetNoticePreferencesResponse:
        found = await self.notices.preferences(message.program_id, message.member_ids)
        return pb.BatchGetNoticePreferencesResponse(
            results=in_order(
                message.member_ids,
                found,
                lambda each: pb.NoticePreferencesResult(status=FOUND, preferences=preferences_message(each)),
                missing=pb.NoticePreferencesResult(status=MISSING),
            )
        )

    async def SetNoticePreferences(
        self, message: pb.SetNoticePreferencesRequest, context: Any
    ) -> pb.SetNoticePreferencesResponse:
        wanted = Preferences(
            member_id=message.member_id,
            marketing=message.marketing if message.HasField("marketing") else None,
            muted=frozenset(pb.NoticeCode.Name(code).removeprefix("NOTICE_CODE_") for code in message.muted),
        )
        asked = request(
            message.program_id,
            "SetNoticePreferences",
            message.request_id,
            message,
            pb.SetNoticePreferencesResponse,
        )
        return await self.notices.set_preferences(
            message.program_id,
            wanted,
            asked,
            lambda kept: pb.SetNoticePreferencesResponse(preferences=preferences_message(kept)),
        )


async def _results(found: Mapping[str, Sequence[Notice]], program: Program) -> dict[str, pb.NoticesResult]:
    """The notices of each member. Texts take their time, so between members others have theirs."""
    results = {}
    for member_id, notices in found.items():
        messages = [notice_message(notice, program) for notice in notices]
        results[member_id] = pb.NoticesResult(status=FOUND, notices=messages)
        await asyncio.sleep(0)
    return results
