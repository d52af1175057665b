"""The notices of the benefits service, in memory."""

from typing import Any

from laurel.benefits.v1 import notices_pb2 as pb
from laurel.benefits.v1 import notices_pb2_grpc
from libs.common.paging import page_after, page_token
from libs.common.rpc.time import timestamp
from tests.gateway import world
from tests.gateway.fake import FOUND, MISSING, Context, Fake


def notices() -> list[pb.Notice]:
    """Near platinum, and withheld; gold before that, and sent; latest first."""
    return [
        pb.Notice(
            notice_id="ntc_2",
            code=pb.NOTICE_CODE_NEAR_UPGRADE,
            params={"tier": "platinum"},
            occurred_time=timestamp(world.NOON),
            due_time=timestamp(world.NOON),
            status=pb.NOTICE_STATUS_WITHHELD,
            withheld_reason="NO_CONSENT",
            text_zh="距离白金会员只差一点。",
            text_en="Little is missing to Platinum.",
        ),
        pb.Notice(
            notice_id="ntc_1",
            code=pb.NOTICE_CODE_TIER_CHANGED,
            occurred_time=timestamp(world.NOON),
            due_time=timestamp(world.NOON),
            status=pb.NOTICE_STATUS_SENT,
            text_zh="您的会员等级由普通会员变为金卡会员。",
            text_en="Your tier was Normal and is now Gold.",
        ),
    ]


def staff_notices() -> list[pb.Notice]:
    """An endpoint that has begun to fail, a second time and a first, latest first."""
    return [
        pb.Notice(
            notice_id=f"ntc_{number}",
            staff_role="operations_manager",
            code=pb.NOTICE_CODE_WEBHOOK_FAILING,
            params={"endpoint": "whk_1"},
            occurred_time=timestamp(world.NOON),
            due_time=timestamp(world.NOON),
            status=pb.NOTICE_STATUS_SENT,
            text_zh="端点失败。",
            text_en="The endpoint is failing.",
        )
        for number in (4, 3)
    ]


class FakeNotices(Fake, notices_pb2_grpc.NoticesServiceServicer):
    async def BatchListNotices(self, request: pb.BatchListNoticesRequest, context: Context) -> Any:
        await self.begin("BatchListNotices", request)
        results = self.per_member(
            lambda _: pb.NoticesResult(status=FOUND, notices=notices()[: request.page_size]),
            pb.NoticesResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchListNoticesResponse(results=results)

    async def ListStaffNotices(self, request: pb.ListStaffNoticesRequest, context: Context) -> Any:
        await self.begin("ListStaffNotices", request)
        listed = staff_notices()
        begin = int(page_after(request.page_token, "staff") or 0)
        end = min(len(listed), begin + request.page_size)
        return pb.ListStaffNoticesResponse(
            notices=listed[begin:end],
            next_page_token=page_token(str(end), "staff") if end < len(listed) else "",
        )

    async def BatchGetNoticePreferences(
        self, request: pb.BatchGetNoticePreferencesRequest, context: Context
    ) -> Any:
        """Nobody wants to be woken up, and nobody has said anything about marketing."""
        await self.begin("BatchGetNoticePreferences", request)
        results = self.per_member(
            lambda owner: pb.NoticePreferencesResult(
                status=FOUND,
                preferences=pb.NoticePreferences(member_id=owner, muted=[pb.NOTICE_CODE_WAKE_UP]),
            ),
            pb.NoticePreferencesResult(status=MISSING),
            request.member_ids,
        )
        return pb.BatchGetNoticePreferencesResponse(results=results)

    async def SetNoticePreferences(self, request: pb.SetNoticePreferencesRequest, context: Context) -> Any:
        await self.begin("SetNoticePreferences", request)
        preferences = pb.NoticePreferences(
            member_id=request.member_id,
            marketing=request.marketing if request.HasField("marketing") else None,
            muted=request.muted,
        )
        return pb.SetNoticePreferencesResponse(preferences=preferences)
