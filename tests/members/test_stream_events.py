"""StreamEvents: batches in a row, each answered in turn, with the rules of RecordEvents."""

import asyncio

import grpc
import pytest

from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from tests.members.conftest import MembersWorld
from tests.members.test_record_events import ACCEPTED, outcomes, seq_of
from tests.support.builders import a_batch, a_purchase


async def test_a_stream_of_batches_is_answered_batch_by_batch(members: MembersWorld) -> None:
    member = await members.a_member()
    first, second = a_batch(a_purchase(member)), a_batch(a_purchase(member), a_purchase(member))

    answers = [
        outcomes(pb.RecordEventsResponse(results=answer.results))
        async for answer in members.partner.StreamEvents(
            iter([pb.StreamEventsRequest(batch=first), pb.StreamEventsRequest(batch=second)])
        )
    ]

    assert answers == [[ACCEPTED], [ACCEPTED, ACCEPTED]]


async def test_a_batch_streamed_again_and_at_once_has_one_effect(members: MembersWorld) -> None:
    member = await members.a_member()
    batch = pb.StreamEventsRequest(batch=a_batch(a_purchase(member), a_purchase(member)))

    async def streamed() -> list[list[int]]:
        answers = members.partner.StreamEvents(iter([batch, batch]))
        return [outcomes(pb.RecordEventsResponse(results=answer.results)) async for answer in answers]

    answers = await asyncio.gather(*(streamed() for _ in range(4)))

    assert answers == [[[ACCEPTED, ACCEPTED]] * 2] * 4
    assert await seq_of(members, member) == 2


async def test_a_refused_batch_ends_the_stream_and_the_answers_before_it_stand(members: MembersWorld) -> None:
    member = await members.a_member()
    good, bad = a_batch(a_purchase(member)), a_batch()

    answered: list[pb.StreamEventsResponse] = []

    async def streamed() -> None:
        requests = [pb.StreamEventsRequest(batch=good), pb.StreamEventsRequest(batch=bad)]
        answered.extend([answer async for answer in members.partner.StreamEvents(iter(requests))])

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await streamed()

    assert reason_of(refusal.value) == "INVALID_REQUEST"
    assert await seq_of(members, member) == 1
