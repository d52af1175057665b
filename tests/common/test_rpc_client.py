"""Calls between services: repeated where that is harmless, and nowhere else."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from grpc_health.v1 import health_pb2, health_pb2_grpc

from laurel.benefits.v1 import benefits_pb2
from laurel.members.v1 import members_pb2
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from laurel.scoring.v1 import scoring_pb2
from libs.common.errors import Contention, Forbidden, Overloaded, Unavailable
from libs.common.rpc.client import CALLS_MAX, WAITING_MAX, calling, channel, service_config
from libs.common.rpc.deadline import seconds_left, set_deadline
from libs.common.rpc.server import STREAMS_OF_CONNECTION_MAX
from tests.common.rpc_world import METHOD, RISK, EdgeWorld, Request, Response, a_request, an_edge, error_of
from tests.support.services import Keys

HEALTH: Any = health_pb2.DESCRIPTOR.services_by_name["Health"]
SERVICES = [
    service
    for file in (members_pb2, scoring_pb2, benefits_pb2, risk_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    async with an_edge(keys) as world:
        yield world


def failing_at_first(edge: EdgeWorld, times: int, error: Exception) -> None:
    async def answer(request: Request, context: Any) -> Response:
        if len(edge.profiles.asked) <= times:
            raise error
        return Response()

    edge.profiles.answer = answer


def retried(service: Any) -> set[str]:
    methods = json.loads(service_config([service]))["methodConfig"]
    return {name["method"] for method in methods for name in method["name"]}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_the_proto_says_may_be_repeated_is_retried_and_nothing_else(service: ServiceDescriptor) -> None:
    repeatable = {
        method.name
        for method in service.methods
        if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    }

    assert retried(service) == repeatable


def test_a_method_of_which_the_proto_says_nothing_is_not_retried() -> None:
    assert retried(HEALTH) == set()


async def test_a_repeatable_call_outlives_an_outage(edge: EdgeWorld) -> None:
    failing_at_first(edge, 2, Unavailable())

    assert await edge.stub().BatchGetRiskProfiles(a_request()) == Response()
    assert len(edge.profiles.asked) == 3


async def test_a_repeatable_call_is_not_repeated_for_ever(edge: EdgeWorld) -> None:
    edge.profiles.refuse(Unavailable())

    error = await edge.error()

    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert len(edge.profiles.asked) == 4


@pytest.mark.parametrize("refusal", [Forbidden(), Contention(), Overloaded(), ValueError()])
async def test_a_call_is_repeated_after_an_outage_only(edge: EdgeWorld, refusal: Exception) -> None:
    edge.profiles.refuse(refusal)

    await edge.error()

    assert len(edge.profiles.asked) == 1


async def test_a_call_that_may_not_be_repeated_is_made_once() -> None:
    class Sick(health_pb2_grpc.HealthServicer):
        asked = 0

        async def Check(self, request: Any, context: Any) -> None:
            self.asked += 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")

    sick, server = Sick(), grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(sick, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with channel(f"127.0.0.1:{port}", HEALTH, token=str) as called:
        stub: Any = health_pb2_grpc.HealthStub(called)
        error = await error_of(stub.Check(health_pb2.HealthCheckRequest()))
    await server.stop(0)

    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert sick.asked == 1


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNKNOWN,
    ],
)
async def test_a_service_that_is_down_or_too_slow_makes_its_caller_unavailable(code: grpc.StatusCode) -> None:
    with pytest.raises(Unavailable) as refusal, calling("scoring"):
        raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())

    assert refusal.value.facts == {"service": "scoring"}


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL])
async def test_what_a_service_refuses_is_handed_on_as_it_is(code: grpc.StatusCode) -> None:
    with pytest.raises(grpc.aio.AioRpcError), calling("scoring"):
        raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata())


async def test_a_server_that_is_not_there_makes_its_caller_unavailable(keys: Keys) -> None:
    async with an_edge(keys) as gone:
        address = gone.address

    async with channel(address, token=str) as called:
        call: Any = called.unary_unary(METHOD)
        with pytest.raises(Unavailable), calling("risk"):
            await call(b"", timeout=1)


def test_without_a_deadline_there_is_as_much_time_as_asked_for() -> None:
    set_deadline(None)

    assert seconds_left(5) == 5


def test_with_a_deadline_there_is_no_more_time_than_is_left_and_never_none() -> None:
    set_deadline(1)
    some = seconds_left(5)
    set_deadline(-1)
    none = seconds_left(5)
    set_deadline(None)

    assert 0.9 < some <= 1
    assert none == 0.001


class Crowd:
    """Calls at a server that answers when it is told to, each of somebody else."""

    def __init__(self, edge: EdgeWorld) -> None:
        self._let_go = asyncio.Event()
        self.under_way, self.most = 0, 0
        edge.profiles.answer = self._answer
        numbers = itertools.count()

        def token() -> str:
            return edge.keys.token("staff", f"staff{next(numbers)}")()

        edge.channels.append(channel(edge.address, RISK, token=token, timeout=20))
        self._stub: Any = risk_pb2_grpc.RiskServiceStub(edge.channels[-1])

    async def _answer(self, request: Request, context: Any) -> Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self._let_go.wait()
        self.under_way -= 1
        return Response()

    def comes(self, count: int) -> list["asyncio.Future[Response]"]:
        return [asyncio.ensure_future(self._stub.BatchGetRiskProfiles(a_request())) for _ in range(count)]

    async def is_full(self) -> None:
        async with asyncio.timeout(20):
            while self.under_way < CALLS_MAX:
                await asyncio.sleep(0.01)

    def may_go(self) -> None:
        self._let_go.set()


async def test_a_channel_asks_for_no_more_at_once_than_a_connection_takes(keys: Keys) -> None:
    async with an_edge(keys, concurrent_calls_max=1_000) as edge:
        crowd = Crowd(edge)
        calls = crowd.comes(2 * CALLS_MAX)

        await crowd.is_full()
        crowd.may_go()

        assert await asyncio.gather(*calls) == [Response()] * len(calls)
        assert crowd.most <= CALLS_MAX < STREAMS_OF_CONNECTION_MAX


async def test_what_cannot_wait_any_more_is_refused_at_once(keys: Keys) -> None:
    async with an_edge(keys, concurrent_calls_max=1_000) as edge:
        crowd = Crowd(edge)
        calls = crowd.comes(CALLS_MAX + WAITING_MAX)
        await crowd.is_full()

        (one_more,) = crowd.comes(1)
        with pytest.raises(Overloaded):
            await asyncio.wait_for(one_more, 5)
        crowd.may_go()

        assert await asyncio.gather(*calls) == [Response()] * len(calls)
