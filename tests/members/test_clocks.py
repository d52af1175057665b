"""BatchGetClocks and MoveClock: what time it is in programs, and time travel in sandboxes."""

import asyncio
import json
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from laurel.common.v1 import lookup_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.mongo import connect
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp
from services.members.handlers.programs import KNOWN_SECONDS, ProgramHandlers
from services.members.repository.store import MembersStore
from tests.common.streams_world import until
from tests.members.conftest import REPLAYED_FROM, FakePrograms, MembersWorld
from tests.support.builders import PROGRAM, a_batch, an_event

DAY = timedelta(days=1)
FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING


def a_move(
    by: timedelta | None = None,
    *,
    to: datetime | None = None,
    program_id: str = PROGRAM,
    request_id: str = "",
) -> pb.MoveClockRequest:
    """A move by so much, or to a time."""
    request = pb.MoveClockRequest(program_id=program_id, request_id=request_id or new_id("req"))
    if by is not None:
        request.by_seconds = int(by.total_seconds())
    if to is not None:
        request.to_time.CopyFrom(timestamp(to))
    return request


async def clock_of(members: MembersWorld, program_id: str = PROGRAM) -> pb.ProgramClock:
    service = members.caller("service", "benefits", None)
    answer = await service.BatchGetClocks(pb.BatchGetClocksRequest(program_ids=[program_id]))
    assert answer.results[0].status == FOUND
    return answer.results[0].clock


async def time_of(members: MembersWorld, program_id: str = PROGRAM) -> datetime:
    return moment((await clock_of(members, program_id)).time)


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return reason_of(refusal.value)


async def test_a_sandbox_stands_still_where_it_begins_until_something_is_recorded(
    members: MembersWorld,
) -> None:
    standing = await clock_of(members)
    member = await members.a_member()
    await members.partner.RecordEvents(a_batch(an_event(member, events_pb2.EVENT_KIND_LOGIN)))

    async def ticks() -> bool:
        return (await clock_of(members)).ticking

    await until(ticks)  # within a second, as clocks are remembered for so long
    ticking = await clock_of(members)

    assert moment(standing.time) == moment(standing.replay_from_time) == REPLAYED_FROM
    assert (standing.ticking, standing.time_zone) == (False, "America/New_York")
    assert REPLAYED_FROM <= moment(ticking.time) < REPLAYED_FROM + timedelta(minutes=1)


async def test_a_live_program_has_the_machines_time(members: MembersWorld) -> None:
    clock = await clock_of(members, "live")

    assert abs(moment(clock.time) - now()) < timedelta(seconds=30)
    assert (clock.ticking, clock.HasField("replay_from_time")) == (True, False)


async def test_the_clock_of_another_program_is_missing_as_is_one_that_there_is_not(
    members: MembersWorld,
) -> None:
    request = pb.BatchGetClocksRequest(program_ids=["other_store", "nowhere", PROGRAM])

    to_partner = await members.partner.BatchGetClocks(request)
    to_service = await members.caller("service", "risk", None).BatchGetClocks(request)

    assert [each.status for each in to_partner.results] == [MISSING, MISSING, FOUND]
    assert [each.status for each in to_service.results] == [FOUND, MISSING, FOUND]


async def test_many_programs_that_there_are_not_cost_one_question(members: MembersWorld) -> None:
    asked = members.programs.asked
    request = pb.BatchGetClocksRequest(program_ids=[f"nowhere_{number}" for number in range(500)])

    answer = await members.caller("service", "risk", None).BatchGetClocks(request)

    assert {each.status for each in answer.results} == {MISSING}
    assert members.programs.asked == asked + 1


async def test_a_sandbox_is_moved_by_so_much_and_says_from_when_to_when(members: MembersWorld) -> None:
    before = await time_of(members)

    answer = await members.staff.MoveClock(a_move(3 * DAY))

    assert moment(answer.to_time) == moment(answer.from_time) + 3 * DAY
    assert before <= moment(answer.from_time)
    assert await time_of(members) >= before + 3 * DAY


async def test_a_sandbox_is_moved_to_a_time(members: MembersWorld) -> None:
    target = (await time_of(members) + 40 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)

    answer = await members.staff.MoveClock(a_move(to=target))

    assert moment(answer.to_time) == target
    assert target <= await time_of(members) < target + timedelta(minutes=1)


async def test_the_same_move_again_moves_nothing_and_another_under_its_id_is_refused(
    members: MembersWorld,
) -> None:
    first = await members.staff.MoveClock(a_move(DAY, request_id="move-1"))

    again = await members.staff.MoveClock(a_move(DAY, request_id="move-1"))
    other = await refused(members.staff.MoveClock(a_move(2 * DAY, request_id="move-1")))

    assert again == first
    assert other == "IDEMPOTENCY_KEY_REUSED"
    assert await time_of(members) < moment(first.to_time) + timedelta(minutes=1)


async def test_moves_at_once_add_up(members: MembersWorld) -> None:
    before = await time_of(members)

    await asyncio.gather(*(members.staff.MoveClock(a_move(DAY)) for _ in range(8)))

    assert before + 8 * DAY <= await time_of(members) < before + 8 * DAY + timedelta(minutes=1)


async def test_of_moves_to_one_time_at_once_one_is_done_and_the_others_are_refused(
    members: MembersWorld,
) -> None:
    target = await time_of(members) + 5 * DAY

    answers = await asyncio.gather(
        *(members.staff.MoveClock(a_move(to=target)) for _ in range(4)), return_exceptions=True
    )

    refusals = [reason_of(each) for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    assert refusals == ["CLOCK_BACKWARDS"] * 3
    assert await time_of(members) < target + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (a_move(DAY, program_id="live"), "CLOCK_LIVE"),
        (a_move(to=REPLAYED_FROM), "CLOCK_BACKWARDS"),
        (a_move(to=datetime(8999, 12, 31, tzinfo=UTC)), "INVALID_REQUEST"),
        (a_move(to=datetime(9000, 1, 1, tzinfo=UTC)), "INVALID_REQUEST"),
        (a_move(-DAY), "INVALID_REQUEST"),
        (a_move(timedelta(0)), "INVALID_REQUEST"),
        (a_move(), "INVALID_REQUEST"),
        (a_move(DAY, program_id="nowhere"), "PROGRAM_UNKNOWN"),
    ],
    ids=["live", "backwards", "too far", "beyond times", "negative", "nothing", "no target", "no program"],
)
async def test_what_cannot_be_moved_is_refused_with_the_reason(
    members: MembersWorld, request_: pb.MoveClockRequest, reason: str
) -> None:
    staff = members.caller("staff", "ann", request_.program_id)

    assert await refused(staff.MoveClock(request_)) == reason


async def test_moving_a_clock_is_recorded_with_who_did_it(members: MembersWorld) -> None:
    answer = await members.staff.MoveClock(a_move(DAY, request_id="audited-move"))

    (record,) = await members.database.audit.find({"request_id": "audited-move"}).to_list(None)
    assert (record["act"], record["objects"], record["actor"]["subject"]) == ("MoveClock", [PROGRAM], "ann")
    told = [datetime.fromisoformat(json.loads(record[each])["time"]) for each in ("before", "after")]
    assert told == [moment(answer.from_time), moment(answer.to_time)]


async def test_another_replica_notices_a_move_within_a_second(
    members: MembersWorld, mongodb_uri: str
) -> None:
    client = connect(mongodb_uri)
    replica = ProgramHandlers(MembersStore(client[members.database.name]), FakePrograms(), now)
    before = (await replica.clocks([PROGRAM]))[PROGRAM][1]

    await members.staff.MoveClock(a_move(100 * DAY))
    await asyncio.sleep(KNOWN_SECONDS)

    assert (await replica.clocks([PROGRAM]))[PROGRAM][1] >= before + 100 * DAY
    client.close()


async def test_a_sandbox_ahead_of_the_machine_believes_what_happens_at_its_own_time(
    members: MembersWorld,
) -> None:
    # Programs of this file travel on, so this one is the last to.
    ahead = now() + 1000 * DAY
    await members.staff.MoveClock(a_move(to=ahead))
    member = await members.a_member()

    async def accepted() -> bool:
        event = an_event(member, events_pb2.EVENT_KIND_LOGIN, at=ahead)
        answer = await members.partner.RecordEvents(a_batch(event))
        return answer.results[0].outcome == pb.EVENT_OUTCOME_ACCEPTED

    assert await accepted()
