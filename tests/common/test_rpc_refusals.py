"""How a call ends badly: refusals with their reason, defects without anything of ours, streams alike."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2

from laurel.members.v1 import members_pb2, members_pb2_grpc
from libs.common import errors
from libs.common.errors import InvalidRequest, Kind, Refusal, Unavailable
from libs.common.rpc.errors import reason_of
from tests.common.rpc_world import (
    METHOD,
    Answer,
    Batch,
    DatabaseDown,
    EdgeWorld,
    a_request,
    an_edge,
    detail,
    error_of,
    info,
)
from tests.support.builders import a_batch, a_purchase
from tests.support.services import Keys

REFUSALS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Refusal)]
CODES = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.ABORTED: grpc.StatusCode.ABORTED,
    Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.DEADLINE: grpc.StatusCode.DEADLINE_EXCEEDED,
}


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    async with an_edge(keys) as world:
        yield world


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_refusal_arrives_with_its_reason_its_facts_and_what_to_do(
    edge: EdgeWorld, refusal: type[Refusal]
) -> None:
    edge.profiles.refuse(refusal("said so", available=99, text="t", self="s"))

    error = await error_of(
        edge.raw().unary_unary(METHOD)(a_request().SerializeToString(), metadata=edge.metadata)
    )

    assert error.code() == CODES[refusal.kind]
    assert error.details() == "said so"
    assert reason_of(error) == info(error).reason == refusal.reason
    assert info(error).domain == "laurel"
    assert dict(info(error).metadata) == {"available": "99", "text": "t", "self": "s"}
    delay = detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds()
    assert delay == (refusal.retry_after_seconds or 0) * 1000


async def test_only_broken_rules_of_the_request_are_field_violations(edge: EdgeWorld) -> None:
    edge.profiles.refuse(Unavailable(service="scoring"))

    error = await error_of(
        edge.raw().unary_unary(METHOD)(a_request().SerializeToString(), metadata=edge.metadata)
    )

    assert not detail(error, error_details_pb2.BadRequest).field_violations


async def test_facts_however_long_do_not_hide_the_reason(edge: EdgeWorld) -> None:
    facts = {f"tier_sets[0].{number}".ljust(200, "x"): "因" * 200 for number in range(20)}
    edge.profiles.refuse(InvalidRequest(**facts))

    error = await edge.error()

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(error) == "INVALID_REQUEST"
    assert info(error).metadata


async def test_a_defect_is_internal_and_tells_only_the_id_it_is_logged_under(edge: EdgeWorld) -> None:
    edge.profiles.refuse(ValueError("E11000 duplicate key mongodb://secret@127.0.0.1"))

    with structlog.testing.capture_logs() as logs:
        error = await edge.error()

    assert error.code() == grpc.StatusCode.INTERNAL
    assert error.details() == "internal error"
    assert reason_of(error) == "INTERNAL"
    assert set(info(error).metadata) == {"request_id"}
    (logged,) = [each for each in logs if each["event"] == "defect"]
    assert logged["request_id"] == info(error).metadata["request_id"]
    assert logged["method"] == METHOD.removeprefix("/")


async def test_a_database_that_is_down_is_unavailable_and_says_when_to_come_again(edge: EdgeWorld) -> None:
    edge.profiles.refuse(DatabaseDown("mongodb://127.0.0.1"))

    error = await error_of(
        edge.raw().unary_unary(METHOD)(a_request().SerializeToString(), metadata=edge.metadata)
    )

    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert reason_of(error) == "UNAVAILABLE"
    assert "mongodb" not in str(error.details())
    assert detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() > 0


# What a refusal leaves behind

A_MEGABYTE = 2**20
# A field that we do not know, of a megabyte.
PADDING = b"\xc2\x3e\x80\x80\x40" + bytes(A_MEGABYTE)


@asynccontextmanager
async def kept_bytes() -> AsyncIterator[list[int]]:
    """How many bytes of what the block made are kept at its end, while nobody looks for garbage."""
    kept: list[int] = []
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield kept
        await asyncio.sleep(0.1)
        kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.parametrize("broken", [b"\xff", b""], ids=["no message", "refused by the handler"])
async def test_what_was_refused_is_not_kept_until_somebody_looks_for_garbage(
    edge: EdgeWorld, broken: bytes
) -> None:
    async def refused(request: Any, context: Any) -> NoReturn:
        raise Unavailable

    edge.profiles.answer = refused
    ask = edge.raw().unary_unary(METHOD)

    async with kept_bytes() as kept:
        for _ in range(4):
            await error_of(ask(a_request().SerializeToString() + PADDING + broken, metadata=edge.metadata))

    assert kept[0] < A_MEGABYTE


async def test_what_asks_for_a_stream_and_was_refused_is_not_kept_either(edge: EdgeWorld) -> None:
    ask = edge.raw().unary_stream("/laurel.members.v1.MembersService/StreamFactColumns")
    service = (("authorization", f"Bearer {edge.keys.token('service', 'scoring')()}"),)

    async with kept_bytes() as kept:
        for _ in range(4):
            error = await error_of(ask(PADDING + b"\xff", metadata=service).read())
            reason = reason_of(error)
            del error  # it holds what was asked, too

    assert reason == "MALFORMED_REQUEST"
    assert kept[0] < A_MEGABYTE


# Streams


async def streamed(edge: EdgeWorld, *batches: bytes) -> tuple[int, grpc.aio.AioRpcError]:
    """How many batches were answered before the stream failed, and how."""
    call = edge.raw().stream_stream(
        "/laurel.members.v1.MembersService/StreamEvents", response_deserializer=Answer.FromString
    )(iter(batches), metadata=edge.till)
    answered = 0
    try:
        async for _ in call:
            answered += 1
    except grpc.aio.AioRpcError as error:
        return answered, error
    raise AssertionError("the stream ended well")


def batch(request_id: str) -> bytes:
    event = a_purchase("mem_" + "0" * 32)
    return Batch(batch=a_batch(event, request_id=request_id)).SerializeToString()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(b"\xff", "MALFORMED_REQUEST"), (b"", "INVALID_REQUEST"), (batch("a b"), "INVALID_REQUEST")],
    ids=["garbage", "no batch", "a bad request_id"],
)
async def test_a_bad_message_ends_a_stream_and_the_answers_before_it_stand(
    edge: EdgeWorld, bad: bytes, reason: str
) -> None:
    answered, error = await streamed(edge, batch("first"), batch("second"), bad, batch("third"))

    assert answered == 2
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Unavailable(), "UNAVAILABLE"),
        (DatabaseDown(), "UNAVAILABLE"),
        (TimeoutError(), "DEADLINE_EXCEEDED"),
        (ValueError("secret"), "INTERNAL"),
    ],
    ids=["a refusal", "a database that is down", "out of time", "a defect"],
)
async def test_what_ends_a_stream_is_told_as_for_a_call(
    edge: EdgeWorld, failure: Exception, reason: str
) -> None:
    edge.streams.failure = failure

    answered, error = await streamed(edge, batch("first"), batch("fails"))

    assert answered == 1
    assert reason_of(error) == reason
    assert "secret" not in str(error.details())


async def test_a_stream_needs_a_token_too(edge: EdgeWorld) -> None:
    stub = members_pb2_grpc.MembersServiceStub(edge.raw())
    call = stub.StreamEvents(iter([members_pb2.StreamEventsRequest()]))

    error = await error_of(anext(aiter(call)))

    assert reason_of(error) == "UNAUTHENTICATED"


async def test_a_stream_on_which_nothing_comes_gives_its_place_away(
    edge: EdgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.rpc.edge.STREAM_IDLE_SECONDS", 0.1)

    async def silent() -> AsyncIterator[bytes]:
        yield batch("first")
        await asyncio.sleep(10)

    call = edge.raw().stream_stream(
        "/laurel.members.v1.MembersService/StreamEvents", response_deserializer=Answer.FromString
    )(silent(), metadata=edge.till)
    first = await call.read()

    error = await error_of(call.read())

    assert first == Answer()
    assert reason_of(error) == "DEADLINE_EXCEEDED"
