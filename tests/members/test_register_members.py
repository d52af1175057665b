"""RegisterMembers: one member per partner's id, however often and by however many it is asked."""

import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.ids import new_id
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import moment, timestamp
from tests.members.conftest import REPLAYED_FROM, MembersWorld
from tests.support.builders import PROGRAM, a_registration_request


async def test_a_new_id_makes_a_member_and_a_known_one_answers_the_member_it_has(
    members: MembersWorld,
) -> None:
    first = await members.partner.RegisterMembers(a_registration_request("c1"))

    again = await members.partner.RegisterMembers(a_registration_request("c1", "c2"))

    assert [result.created for result in first.results] == [True]
    assert [result.created for result in again.results] == [False, True]
    assert again.results[0].member.member_id == first.results[0].member.member_id


async def test_the_same_id_twice_in_one_request_is_one_member(members: MembersWorld) -> None:
    answer = await members.partner.RegisterMembers(a_registration_request("twin", "twin"))

    assert [result.created for result in answer.results] == [True, False]
    assert answer.results[0].member.member_id == answer.results[1].member.member_id


async def test_a_retry_under_the_same_request_id_gets_the_first_answer(members: MembersWorld) -> None:
    request = a_registration_request(new_id("ext"))
    first = await members.partner.RegisterMembers(request)

    again = await members.partner.RegisterMembers(request)

    assert again == first


async def test_ten_callers_at_once_make_one_member(members: MembersWorld) -> None:
    external_id = new_id("ext")

    answers = await asyncio.gather(
        *(members.partner.RegisterMembers(a_registration_request(external_id)) for _ in range(10))
    )

    made = [answer.results[0].created for answer in answers]
    assert sum(made) == 1
    assert len({answer.results[0].member.member_id for answer in answers}) == 1


async def test_the_same_id_at_two_partners_is_two_members(members: MembersWorld) -> None:
    external_id = new_id("ext")
    one = await members.partner.RegisterMembers(a_registration_request(external_id))

    other = await members.caller("partner", "rival").RegisterMembers(a_registration_request(external_id))

    assert other.results[0].created
    assert other.results[0].member.member_id != one.results[0].member.member_id


async def test_a_registration_is_announced_as_the_place_before_the_first_event(members: MembersWorld) -> None:
    member = await members.a_member()

    row = await members.database.outbox.find_one({"subject": member})

    assert row is not None
    assert (row["type"], row["change_seq"]) == ("MemberRegistered", 1)
    announced = events_pb2.MemberRegistered.FromString(row["payload"])
    assert announced.verification == events_pb2.VERIFICATION_UNVERIFIED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"store_id": "nowhere"}, "STORE_UNKNOWN"),
        ({"registered_time": timestamp(datetime.now(UTC) + timedelta(days=1))}, "OCCURRED_IN_FUTURE"),
    ],
    ids=["unknown store", "in the future"],
)
async def test_a_registration_that_cannot_be_is_rejected_by_itself(
    members: MembersWorld, fields: dict[str, object], reason: str
) -> None:
    request = a_registration_request(new_id("ext"))
    request.registrations.append(pb.Registration(external_member_id=new_id("ext"), **fields))  # type: ignore[arg-type]

    answer = await members.partner.RegisterMembers(request)

    assert answer.results[0].created
    assert not answer.results[1].HasField("member")
    assert error_reason_pb2.ErrorReason.Name(answer.results[1].reason) == f"ERROR_REASON_{reason}"


async def test_without_a_time_a_member_joins_now_by_the_programs_clock(members: MembersWorld) -> None:
    request = pb.RegisterMembersRequest(
        program_id=PROGRAM,
        request_id=new_id("req"),
        registrations=[pb.Registration(external_member_id=new_id("ext"), store_id="online")],
    )

    answer = await members.partner.RegisterMembers(request)

    joined = moment(answer.results[0].member.registered_time)
    assert REPLAYED_FROM <= joined < REPLAYED_FROM + timedelta(hours=1)
    assert answer.results[0].member.store_id == "online"


async def test_only_an_admitted_partner_may_register_members(members: MembersWorld) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as as_staff:
        await members.staff.RegisterMembers(a_registration_request("x"))
    with pytest.raises(grpc.aio.AioRpcError) as as_stranger:
        await members.caller("partner", "stranger").RegisterMembers(a_registration_request("x"))

    assert reason_of(as_staff.value) == "FORBIDDEN"
    assert reason_of(as_stranger.value) == "PARTNER_UNKNOWN"
