"""Compliance officers are told of each break-glass, once and at once."""

import asyncio
from datetime import timedelta
from typing import Any

from laurel.benefits.v1 import notices_pb2 as pb
from laurel.members.v1 import events_pb2
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.redis import StreamMessage
from libs.common.rpc.time import timestamp
from services.benefits.domain.notices import NoticeCode, notices
from services.benefits.domain.occasions import break_glass
from tests.benefits.conftest import BenefitsWorld
from tests.benefits.telling import a_sandbox
from tests.support.builders import NOON


def opened(program_id: str, break_glass_id: str) -> StreamMessage:
    """The announcement of a break-glass."""
    message = events_pb2.BreakGlassOpened(
        program_id=program_id,
        break_glass_id=break_glass_id,
        opened_by="root",
        until_time=timestamp(now() + timedelta(minutes=30)),
    )
    return StreamMessage("0-1", message.DESCRIPTOR.name, message.SerializeToString(), break_glass_id)


async def told(benefits: BenefitsWorld, program_id: str, role: str) -> list[Any]:
    staff = benefits.notices("staff", new_id("eve"), program_id, roles=[role])
    page = await staff.ListStaffNotices(pb.ListStaffNoticesRequest(program_id=program_id))
    return list(page.notices)


async def test_it_is_told_once_to_compliance_officers_whatever_is_redelivered(
    benefits: BenefitsWorld,
) -> None:
    program_id, glass = (await a_sandbox(benefits)).key, new_id("bgl")

    await asyncio.gather(*(benefits.consumer().apply(0, [opened(program_id, glass)] * 2) for _ in range(3)))

    (notice,) = await told(benefits, program_id, "compliance_officer")
    assert (notice.code, notice.params["opened_by"]) == (pb.NOTICE_CODE_BREAK_GLASS_OPENED, "root")
    assert glass in notice.text_en
    assert await told(benefits, program_id, "operations_manager") == []


async def test_it_waits_for_no_quiet_hours(benefits: BenefitsWorld) -> None:
    program = await a_sandbox(benefits)
    night = NOON + timedelta(hours=12)
    occasion = break_glass(program, new_id("bgl"), "root", until_time=night, time=night)

    (notice,) = notices(program, [occasion], preferences={}, told={}, time=night, now=night, new_id=new_id)

    assert (notice.code, notice.due_time) == (NoticeCode.BREAK_GLASS_OPENED, night)
