"""RecordEvents by many callers at once: small batches share transactions, and each has its own answer."""

import asyncio

import grpc

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from tests.members.conftest import MembersWorld
from tests.members.test_record_events import ACCEPTED, DUPLICATE, REJECTED, outcomes, reasons, seq_of
from tests.support.builders import a_batch, a_purchase

CALLERS = 12


async def recorded(
    members: MembersWorld, *batches: pb.RecordEventsRequest
) -> list[pb.RecordEventsResponse | BaseException]:
    """What each of these batches is answered when all come at once."""

    async def call(batch: pb.RecordEventsRequest) -> pb.RecordEventsResponse:
        return await members.partner.RecordEvents(batch)

    return await asyncio.gather(*map(call, batches), return_exceptions=True)


async def test_small_batches_at_once_are_stored_in_fewer_transactions(members: MembersWorld) -> None:
    everybody = [await members.a_member() for _ in range(CALLERS)]

    answers = await recorded(members, *(a_batch(a_purchase(member)) for member in everybody))

    assert [outcomes(each) for each in answers if not isinstance(each, BaseException)] == [
        [ACCEPTED]
    ] * CALLERS
    stored = await members.database.events.distinct("recorded_time", {"member_id": {"$in": everybody}})
    assert len(stored) < CALLERS


async def test_events_of_one_member_by_many_callers_have_a_sequence_without_gaps(
    members: MembersWorld,
) -> None:
    member = await members.a_member()
    batches = [a_batch(a_purchase(member, 100), a_purchase(member, 100)) for _ in range(CALLERS)]

    answers = await recorded(members, *batches)

    seqs = [
        [each.seq for each in answer.results]
        for answer in answers
        if isinstance(answer, pb.RecordEventsResponse)
    ]
    assert sorted(seq for pair in seqs for seq in pair) == list(range(1, 2 * CALLERS + 1))
    assert all(second == first + 1 for first, second in seqs)
    rows = members.database.outbox.find({"subject": member, "type": "FactsChanged"}).sort("change_seq", 1)
    told = [events_pb2.FactsChanged.FromString(row["payload"]) async for row in rows]
    assert [seq for each in told for seq in range(each.seq_from, each.seq_to + 1)] == list(
        range(1, 2 * CALLERS + 1)
    )
    assert [event.seq for each in told for event in each.events] == list(range(1, 2 * CALLERS + 1))


async def test_the_same_event_by_many_callers_is_accepted_once(members: MembersWorld) -> None:
    member = await members.a_member()
    event = a_purchase(member)

    answers = await recorded(members, *(a_batch(event) for _ in range(CALLERS)))

    told = [outcomes(each)[0] for each in answers if isinstance(each, pb.RecordEventsResponse)]
    assert sorted(told) == sorted([ACCEPTED, *[DUPLICATE] * (CALLERS - 1)])
    assert await seq_of(members, member) == 1


async def test_what_is_rejected_or_refused_of_one_changes_nothing_for_the_others(
    members: MembersWorld,
) -> None:
    member = await members.a_member()
    used = a_batch(a_purchase(member))
    await members.partner.RecordEvents(used)
    batches = [a_batch(a_purchase(member)) for _ in range(CALLERS)]
    batches[3] = a_batch(a_purchase(member, currency="EUR"))
    batches[5] = a_batch(a_purchase(member), request_id=used.request_id)
    batches[7] = used

    answers = await recorded(members, *batches)

    reused = answers[5]
    assert isinstance(reused, grpc.aio.AioRpcError)
    assert reason_of(reused) == "IDEMPOTENCY_KEY_REUSED"
    rest = [each for each in answers if isinstance(each, pb.RecordEventsResponse)]
    assert [outcomes(each) for each in rest].count([REJECTED]) == 1
    assert reasons(rest[3]) == ["CURRENCY_MISMATCH"]
    assert await seq_of(members, member) == 1 + CALLERS - 3


async def test_partners_at_once_record_side_by_side(members: MembersWorld) -> None:
    member, rival = await members.a_member(), members.caller("partner", "rival")

    async def call(number: int) -> pb.RecordEventsResponse:
        return await (rival if number % 2 else members.partner).RecordEvents(a_batch(a_purchase(member)))

    answers = await asyncio.gather(*map(call, range(CALLERS)))

    assert {tuple(outcomes(each)) for each in answers} == {(ACCEPTED,)}
    assert await seq_of(members, member) == CALLERS
