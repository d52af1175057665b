"""The edge of every service: what becomes of a call before and after its method."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from laurel.members.v1 import events_pb2, members_pb2
from libs.common.caller import Principal, caller
from libs.common.errors import InvalidRequest
from libs.common.rpc import edge as rpc_edge
from libs.common.rpc.errors import reason_of
from libs.common.rpc.requests import valid
from tests.common.rpc_world import (
    METHOD,
    EdgeWorld,
    Request,
    Response,
    a_request,
    an_edge,
    detail,
    error_of,
    info,
)
from tests.support.builders import a_purchase
from tests.support.services import Keys


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    async with an_edge(keys) as world:
        yield world


# Bytes and rules


@pytest.mark.parametrize(
    "data",
    [b"\xff" * 20, a_request().SerializeToString()[:-1], b"\x0a\x02\xff\xfe", b"\x0b" * 2000],
    ids=["garbage", "cut off", "no UTF-8", "nested two thousand deep"],
)
async def test_bytes_that_are_no_message_are_malformed_in_one_fixed_text(
    edge: EdgeWorld, data: bytes
) -> None:
    call = edge.raw().unary_unary(METHOD)

    error = await error_of(call(data, metadata=edge.metadata))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the bytes are no message of this type"
    assert reason_of(error) == "MALFORMED_REQUEST"
    assert not edge.profiles.asked


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (Request(program_id="Bad!", member_ids=["mem_1"]), {"program_id"}),
        (Request(program_id="music_store"), {"member_ids"}),
        (Request(program_id="music_store", member_ids=["m", "x" * 65]), {"member_ids[1]"}),
        (Request(member_ids=["x" * 65, "x" * 65]), {"program_id", "member_ids[0]", "member_ids[1]"}),
    ],
    ids=["a bad field", "a missing field", "a bad item", "several"],
)
async def test_a_broken_rule_is_told_with_the_path_of_its_field(
    edge: EdgeWorld, request_: Request, paths: set[str]
) -> None:
    error = await edge.error(request_)

    violations = detail(error, error_details_pb2.BadRequest).field_violations
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(error) == "INVALID_REQUEST"
    assert set(info(error).metadata) == {violation.field for violation in violations} == paths
    assert all(violation.description for violation in violations)
    assert not edge.profiles.asked


async def test_no_more_than_twenty_broken_rules_are_told(edge: EdgeWorld) -> None:
    error = await edge.error(a_request(*["x" * 65] * 100))

    assert len(info(error).metadata) == 20


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"amount_minor": -1}, {"amount_minor"}),
        ({"currency": ""}, {"message"}),
        ({"attributes": {"BAD": "x"}}, {"attributes[BAD]"}),
        ({"member_id": "nobody"}, {"member_id"}),
    ],
    ids=["a field", "the message as a whole", "a key of a map", "one of several"],
)
def test_each_kind_of_rule_has_a_path(change: dict[str, Any], paths: set[str]) -> None:
    event = a_purchase("mem_" + "0" * 32)
    for name, value in change.items():
        if isinstance(value, dict):
            getattr(event, name).update(value)
        else:
            setattr(event, name, value)

    with pytest.raises(InvalidRequest) as refusal:
        valid(event)

    assert set(refusal.value.facts) == paths


def test_a_choice_that_was_not_made_has_the_name_of_the_choice() -> None:
    event = a_purchase("mem_" + "0" * 32)
    event.ClearField("member_id")

    with pytest.raises(InvalidRequest) as refusal:
        valid(event)

    assert set(refusal.value.facts) == {"member"}
    assert isinstance(event, events_pb2.Event)


# Identity


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", ""),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer forged"),),
        (("authorization", "Basic YW5uOmFubg=="),),
        (("token", "Bearer forged"),),
    ],
    ids=["nothing", "empty", "no token", "a space", "forged", "another scheme", "another name"],
)
async def test_a_call_without_a_good_token_is_unauthenticated(
    edge: EdgeWorld, metadata: tuple[tuple[str, str], ...]
) -> None:
    call = edge.raw().unary_unary(METHOD)

    error = await error_of(call(a_request().SerializeToString(), metadata=metadata))

    assert error.code() == grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(error) == "UNAUTHENTICATED"
    assert not edge.profiles.asked


async def test_who_has_no_token_learns_nothing_of_the_rules(edge: EdgeWorld) -> None:
    error = await error_of(edge.raw().unary_unary(METHOD)(b"\xff"))

    assert reason_of(error) == "UNAUTHENTICATED"


async def test_the_method_knows_its_caller(edge: EdgeWorld) -> None:
    callers: list[Principal] = []

    async def answer(request: Request, context: Any) -> Response:
        callers.append(caller())
        return Response()

    edge.profiles.answer = answer
    await edge.stub(token=edge.keys.token("partner", "shop")()).BatchGetRiskProfiles(a_request())

    assert [(each.kind, each.subject, each.program_id) for each in callers] == [
        ("partner", "shop", "music_store")
    ]


# Answers


async def test_equal_answers_are_equal_byte_for_byte(edge: EdgeWorld) -> None:
    asked = members_pb2.BatchGetMembersRequest(program_id="music_store", member_ids=["mem_1"])
    call = edge.raw().unary_unary("/laurel.members.v1.MembersService/BatchGetMembers")
    tiers = {f"set_{number}": "gold" for number in range(20)}

    answers = []
    for edge.streams.tiers in (tiers, dict(reversed(tiers.items()))):
        answers.append(await call(asked.SerializeToString(), metadata=edge.metadata))

    assert answers[0] == answers[1]


# Deadlines


async def test_a_call_without_a_deadline_gets_one_and_its_work_is_cancelled(
    edge: EdgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rpc_edge.DEADLINE_SECONDS == 5
    monkeypatch.setattr(rpc_edge, "DEADLINE_SECONDS", 0.1)
    cancelled = asyncio.Event()

    async def slow(request: Request, context: Any) -> Response:
        assert context.time_remaining() is None
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Response()

    edge.profiles.answer = slow
    error = await error_of(
        edge.raw().unary_unary(METHOD)(a_request().SerializeToString(), metadata=edge.metadata)
    )

    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert reason_of(error) == "DEADLINE_EXCEEDED"
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_the_work_of_a_call_ends_with_the_callers_deadline(edge: EdgeWorld) -> None:
    cancelled = asyncio.Event()

    async def slow(request: Request, context: Any) -> Response:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Response()

    edge.profiles.answer = slow
    error = await error_of(edge.stub(timeout=0.1).BatchGetRiskProfiles(a_request()))

    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_a_call_made_within_a_call_has_no_more_time_than_is_left(edge: EdgeWorld) -> None:
    left: list[float] = []
    inner = edge.stub(timeout=30)

    async def answer(request: Request, context: Any) -> Response:
        left.append(context.time_remaining())
        if request.member_ids[0] == "outer":
            await asyncio.sleep(0.2)
            await inner.BatchGetRiskProfiles(a_request("inner"))
        return Response()

    edge.profiles.answer = answer
    await edge.stub(timeout=2).BatchGetRiskProfiles(a_request("outer"))

    assert left[0] < 2.1  # its clock ticks coarsely
    assert left[1] < left[0] - 0.15
