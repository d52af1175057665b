"""Places in a server: nobody takes so many that others are not answered, nor by gRPC's own services."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.common.rpc import open_services
from libs.common.rpc.errors import reason_of, retry_after_seconds
from tests.common.rpc_world import METHOD, Batch, EdgeWorld, Request, Response, a_request, an_edge, error_of
from tests.support.builders import a_batch, a_purchase
from tests.support.services import Keys

STREAM = "/laurel.members.v1.MembersService/StreamEvents"
HEALTH, REFLECTION = "/grpc.health.v1.Health", "/grpc.reflection.v1alpha.ServerReflection"


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    async with an_edge(keys, concurrent_calls_max=16) as world:
        yield world


async def a_stream(channel: Any, edge: EdgeWorld, partner: str) -> Any:
    """A stream of a partner that was answered once, and is held."""
    batch = Batch(batch=a_batch(a_purchase("mem_" + "0" * 32)))
    bearer = (("authorization", f"Bearer {edge.keys.token('partner', partner)()}"),)
    stream = channel.stream_stream(STREAM)(metadata=bearer)
    await stream.write(batch.SerializeToString())
    await stream.read()
    return stream


async def test_one_who_streams_has_an_eighth_of_the_places_and_gets_them_back(edge: EdgeWorld) -> None:
    channel = edge.raw()
    held = [await a_stream(channel, edge, "shop") for _ in range(2)]

    error = await error_of(a_stream(channel, edge, "shop"))
    await a_stream(channel, edge, "another")
    await held[0].done_writing()
    await held[0].code()
    await a_stream(channel, edge, "shop")

    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert retry_after_seconds(error) == 1


async def test_one_who_calls_has_half_of_the_places_and_gets_them_back(edge: EdgeWorld) -> None:
    let_go = asyncio.Event()

    async def held(request: Request, context: Any) -> Response:
        await let_go.wait()
        return Response()

    edge.profiles.answer = held
    stub, another = edge.stub(), edge.stub(token=edge.keys.token("staff", "bob")())
    calls = [asyncio.ensure_future(stub.BatchGetRiskProfiles(a_request())) for _ in range(8)]
    async with asyncio.timeout(5):
        while len(edge.profiles.asked) < 8:
            await asyncio.sleep(0.01)
    error = await error_of(stub.BatchGetRiskProfiles(a_request()))
    others = asyncio.ensure_future(another.BatchGetRiskProfiles(a_request()))
    let_go.set()

    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert await asyncio.gather(*calls, others) == [Response()] * 9
    assert await stub.BatchGetRiskProfiles(a_request()) == Response()


async def test_what_else_a_token_says_makes_no_more_places(edge: EdgeWorld) -> None:
    channel = edge.raw()
    held = [await a_stream(channel, edge, "shop") for _ in range(2)]
    token = edge.keys.token("partner", "shop", stores=["online"], roles=["analyst"])()
    stream = channel.stream_stream(STREAM)(metadata=(("authorization", f"Bearer {token}"),))

    assert len(held) == 2
    assert reason_of(await error_of(stream.read())) == "OVERLOADED"


async def test_all_who_stream_leave_half_of_the_places_to_others(edge: EdgeWorld) -> None:
    channel = edge.raw()
    held = [await a_stream(channel, edge, f"shop{number % 4}") for number in range(8)]

    error = await error_of(a_stream(channel, edge, "another"))

    assert len(held) == 8
    assert reason_of(error) == "OVERLOADED"
    assert await edge.stub().BatchGetRiskProfiles(a_request())


@pytest.mark.parametrize(
    "method", [f"{HEALTH}/Check", f"{HEALTH}/Watch", f"{REFLECTION}/ServerReflectionInfo"]
)
async def test_services_of_grpc_itself_refuse_what_is_no_message_in_our_words(
    edge: EdgeWorld, method: str
) -> None:
    stream = edge.raw().stream_stream(method)(iter([b"\xff" * 20]))

    error = await error_of(stream.read())

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the bytes are no message of this type"


async def test_those_who_watch_for_ever_leave_room_for_probes(
    edge: EdgeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_services, "STREAMS_MAX", 2)
    health: Any = health_pb2_grpc.HealthStub(edge.raw())
    watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(2)]
    for watch in watches:
        await watch.read()

    error = await error_of(health.Watch(health_pb2.HealthCheckRequest()).read())

    assert reason_of(error) == "OVERLOADED"
    assert (
        await health.Check(health_pb2.HealthCheckRequest())
    ).status == health_pb2.HealthCheckResponse.SERVING
    assert (
        await edge.raw().unary_unary(METHOD)(a_request().SerializeToString(), metadata=edge.metadata) == b""
    )
