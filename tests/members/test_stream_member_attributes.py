"""StreamMemberAttributes: what members have in common with others, in answers that fit together."""

from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from laurel.members.v1 import events_pb2
from laurel.members.v1 import members_pb2 as pb
from libs.common.rpc.errors import reason_of
from services.members.handlers import attributes as handlers
from tests.members.conftest import MembersWorld
from tests.support.builders import PROGRAM, a_registration_request

STORE, SOURCE, YEAR, MONTH, VERIFICATION = (
    pb.MEMBER_ATTRIBUTE_STORE,
    pb.MEMBER_ATTRIBUTE_REGISTRATION_SOURCE,
    pb.MEMBER_ATTRIBUTE_REGISTRATION_YEAR,
    pb.MEMBER_ATTRIBUTE_REGISTRATION_MONTH,
    pb.MEMBER_ATTRIBUTE_VERIFICATION,
)


async def answers(
    members: MembersWorld, *attributes: Any, program_id: str = PROGRAM
) -> list[pb.StreamMemberAttributesResponse]:
    request = pb.StreamMemberAttributesRequest(program_id=program_id, attributes=attributes)
    return [answer async for answer in service_of(members).StreamMemberAttributes(request)]


def rows(found: list[pb.StreamMemberAttributesResponse]) -> dict[str, tuple[str, ...]]:
    return {
        member_id: tuple(column.values[column.places[place]] for column in answer.columns)
        for answer in found
        for place, member_id in enumerate(answer.member_ids)
    }


def service_of(members: MembersWorld) -> Any:
    """Benefits, which works for all programs."""
    return members.caller("service", "benefits", None)


@pytest.fixture(autouse=True)
async def _no_members(members: MembersWorld) -> None:
    """Each test has a program of its own people."""
    await members.database.members.delete_many({})


async def test_each_attribute_is_what_members_knows_and_years_are_where_the_program_is(
    members: MembersWorld,
) -> None:
    # In New York it is still 1997.
    midnight = datetime(1998, 1, 1, 3, tzinfo=UTC)
    request = a_registration_request("ann")
    request.registrations[0].store_id = "online"
    request.registrations[0].registered_time.FromDatetime(midnight)
    request.registrations[0].verification = events_pb2.VERIFICATION_VERIFIED
    answer = await members.partner.RegisterMembers(request)
    await members.caller("partner", "rival").RegisterMembers(a_registration_request("bob"))

    found = rows(await answers(members, STORE, SOURCE, YEAR, MONTH, VERIFICATION))

    ann = answer.results[0].member.member_id
    assert found.pop(ann) == ("online", "shop", "1997", "1997-12", "verified")
    (bob,) = found.values()
    assert (bob[0], bob[1], bob[4]) == ("", "rival", "unverified")


async def test_answers_fit_together_and_are_in_order(
    members: MembersWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted([await members.a_member() for _ in range(5)])
    monkeypatch.setattr(handlers, "MEMBERS_PER_ANSWER", 2)

    found = await answers(members, SOURCE)

    assert [len(each.member_ids) for each in found] == [2, 2, 1]
    assert [member_id for each in found for member_id in each.member_ids] == ids
    assert [list(each.columns[0].values) for each in found] == [["shop"]] * 3


async def test_a_program_without_members_has_no_answers(members: MembersWorld) -> None:
    assert await answers(members, STORE) == []


async def test_an_unknown_program_is_refused(members: MembersWorld) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answers(members, STORE, program_id="no_such_store")

    assert reason_of(refused.value) == "PROGRAM_UNKNOWN"


@pytest.mark.parametrize(
    "attributes", [[], [STORE, STORE], [0], [99]], ids=["none", "twice", "unsaid", "other"]
)
async def test_what_is_asked_for_is_attributes_each_once(
    members: MembersWorld, attributes: list[Any]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await answers(members, *attributes)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("kind", ["staff", "partner", "member"])
async def test_only_services_read_attributes_of_everybody(members: MembersWorld, kind: Any) -> None:
    request = pb.StreamMemberAttributesRequest(program_id=PROGRAM, attributes=[STORE])

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await anext(aiter(members.caller(kind, "ann").StreamMemberAttributes(request)))

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
