"""GetPipelineStatus, and the way through a real Valkey: read, applied, announced, sent."""

import asyncio
from typing import Any

import grpc
import pytest

from laurel.common.v1 import pipeline_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.caller import PrincipalKind
from libs.common.ids import new_id
from libs.common.redis import partition_of, stream_key
from libs.common.rpc.errors import reason_of
from services.risk import consumers, outbox
from tests.risk.conftest import VERIFIED, RiskWorld, changed, registered
from tests.support.builders import PROGRAM

SECONDS = 20


async def status(
    risk: RiskWorld, kind: PrincipalKind = "service", program_id: str | None = None
) -> pipeline_pb2.PipelineStatus:
    answer = await risk.caller(kind, "someone", program_id).GetPipelineStatus(pb.GetPipelineStatusRequest())
    return answer.status


async def test_what_is_on_the_stream_is_applied_announced_and_sent(risk: RiskWorld) -> None:
    members = [new_id("mem") for _ in range(20)]
    for member in members:
        for message in (registered(member), changed(member, 1, VERIFIED), registered(member)):
            fields: dict[Any, Any] = {
                "type": message.type,
                "payload": message.payload,
                "subject": message.subject,
            }
            key = stream_key(consumers.STREAM, partition_of(member))
            await risk.platform.redis.xadd(key, fields)
    before = await status(risk)

    risk.platform.relay(outbox.STREAM, outbox.READERS)
    risk.platform.consume(consumers.STREAM, risk.consumer().apply)
    running = [asyncio.create_task(task) for task in risk.platform.work()]
    async with asyncio.timeout(SECONDS):
        while not _drained(told := await status(risk), len(members)):
            await asyncio.sleep(0.05)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    assert (before.service, before.groups[0].lag, before.groups[0].pending) == ("risk", 60, 0)
    assert [(each.program_id, each.sequence_sum) for each in told.positions] == [(PROGRAM, len(members))]
    assert {(await risk.profile(member)).integrity for member in members} == {80}
    sent = sum([await _sent(risk, partition) for partition in range(16)])
    assert sent == sum([len(await risk.announced(member)) for member in members])


def _drained(told: pipeline_pb2.PipelineStatus, members: int) -> bool:
    group = next(each for each in told.groups if each.stream == consumers.STREAM)
    applied = sum(each.member_count for each in told.positions) == members
    return applied and group.lag == group.pending == told.outbox_unsent == 0


async def _sent(risk: RiskWorld, partition: int) -> int:
    return int(await risk.platform.redis.xlen(stream_key(outbox.STREAM, partition)))


async def test_staff_are_told_the_position_of_their_own_program_only(risk: RiskWorld) -> None:
    await risk.a_member()
    await risk.a_member(program_id="other_store")

    told = await status(risk, "staff", "other_store")

    assert [each.program_id for each in told.positions] == ["other_store"]


@pytest.mark.parametrize("kind", ["member", "partner"])
async def test_who_is_not_staff_is_told_nothing(risk: RiskWorld, kind: PrincipalKind) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await status(risk, kind, PROGRAM)

    assert reason_of(refusal.value) == "FORBIDDEN"
