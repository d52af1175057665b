"""The server itself: its caps, its health, what it shows of itself, and how it ends."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.common.rpc_world import (
    METHOD,
    EdgeWorld,
    Request,
    Response,
    a_request,
    an_edge,
    error_of,
)
from tests.support.services import Keys

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ["laurel.members.v1.MembersService", "laurel.risk.v1.RiskService"]


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    limits = {"message_bytes_max": 4096, "concurrent_calls_max": 4, "drain_seconds": 1.5}
    async with an_edge(keys, **limits) as world:
        yield world


class Held:
    """Calls that are held until they are let go."""

    def __init__(self, edge: EdgeWorld) -> None:
        self._let_go = asyncio.Event()
        self._edge = edge
        edge.profiles.answer = self._answer

    async def _answer(self, request: Request, context: Any) -> Response:
        await self._let_go.wait()
        return Response()

    async def calls(self, count: int) -> list[asyncio.Task[Response]]:
        """Calls under way, each of somebody else."""
        keys = self._edge.keys
        stubs = [self._edge.stub(token=keys.token("staff", f"staff{number}")()) for number in range(count)]
        calls = [asyncio.create_task(_answered(stub)) for stub in stubs]
        async with asyncio.timeout(5):
            while len(self._edge.profiles.asked) < count:
                await asyncio.sleep(0.01)
        return calls

    def let_go(self) -> None:
        self._let_go.set()


async def _answered(stub: Any) -> Response:
    answer: Response = await stub.BatchGetRiskProfiles(a_request())
    return answer


# Caps


async def test_a_message_above_the_cap_is_refused_before_it_is_read(edge: EdgeWorld) -> None:
    error = await edge.error(a_request(*["x" * 64] * 100))

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not edge.profiles.asked


async def test_metadata_above_the_cap_is_refused(edge: EdgeWorld) -> None:
    call = edge.raw().unary_unary(METHOD)

    error = await error_of(call(b"", metadata=(*edge.metadata, ("more", "x" * 20_000))))

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_above_the_cap_are_refused_and_those_under_way_are_answered(edge: EdgeWorld) -> None:
    held = Held(edge)
    under_way = await held.calls(4)

    error = await error_of(edge.raw().unary_unary(METHOD)(b"", metadata=edge.metadata))
    held.let_go()

    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await asyncio.gather(*under_way) == [Response()] * 4


async def test_a_method_that_is_not_there_is_unimplemented(edge: EdgeWorld) -> None:
    error = await error_of(edge.raw().unary_unary("/laurel.risk.v1.RiskService/Nothing")(b""))

    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


class Circle:
    """What nobody frees who does not look for it, as gRPC's own of each call."""

    def __init__(self) -> None:
        self.itself = self


async def test_circles_are_found_before_python_looks_for_them(edge: EdgeWorld) -> None:
    gc.disable()
    try:
        left = weakref.ref(Circle())
        async with asyncio.timeout(20):
            while left() is not None:
                await asyncio.sleep(0.01)
    finally:
        gc.enable()


async def test_random_bytes_on_the_port_hurt_nobody(edge: EdgeWorld) -> None:
    host, _, port = edge.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(bytes(range(256)) * 64)
    await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert await edge.stub().BatchGetRiskProfiles(a_request()) == Response()


# Health and reflection


async def test_health_is_told_of_the_server_and_of_each_service(edge: EdgeWorld) -> None:
    health: Any = health_pb2_grpc.HealthStub(edge.raw())

    answers = [await health.Check(health_pb2.HealthCheckRequest(service=name)) for name in ("", *SERVICES)]

    assert [answer.status for answer in answers] == [SERVING] * 3


async def test_the_health_of_a_service_that_is_not_there_is_not_found(edge: EdgeWorld) -> None:
    health: Any = health_pb2_grpc.HealthStub(edge.raw())

    error = await error_of(health.Check(health_pb2.HealthCheckRequest(service="laurel.other")))

    assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_services_and_knows_their_protos(edge: EdgeWorld) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(edge.raw())
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICES[1]),
    ]

    listed, described = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]

    names = [service.name for service in listed.list_services_response.service]
    assert set(names) == {
        *SERVICES,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert any(b"RiskProfile" in each for each in described.file_descriptor_response.file_descriptor_proto)


# The end


async def test_draining_says_not_serving_lets_calls_end_and_takes_no_new_ones(edge: EdgeWorld) -> None:
    held = Held(edge)
    (under_way,) = await held.calls(1)
    health: Any = health_pb2_grpc.HealthStub(edge.raw())
    watches = [health.Watch(health_pb2.HealthCheckRequest(service=name)) for name in SERVICES]
    before = [(await watch.read()).status for watch in watches]

    draining = asyncio.create_task(edge.server.drain())
    after = [(await watch.read()).status for watch in watches]
    refused = await error_of(edge.raw().unary_unary(METHOD)(b"", metadata=edge.metadata))
    still_waiting = not under_way.done() and not draining.done()
    held.let_go()

    assert before == [SERVING] * 2
    assert after == [NOT_SERVING] * 2
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert still_waiting
    assert await under_way == Response()
    await asyncio.wait_for(draining, 6)


async def test_draining_does_not_wait_longer_than_is_set(keys: Keys) -> None:
    async with an_edge(keys, drain_seconds=0.2) as edge:
        (under_way,) = await Held(edge).calls(1)

        await asyncio.wait_for(edge.server.drain(), 2)

        error = await error_of(under_way)
    assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
