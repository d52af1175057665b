"""Several replicas of a service: calls are spread over all that there are."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from laurel.risk.v1 import risk_pb2_grpc
from libs.cli.certificates import Authority
from libs.common.rpc.client import channel
from libs.common.tls import Certificates
from tests.common.rpc_world import RISK, EdgeWorld, Request, Response, a_request, an_edge
from tests.common.tls_world import a_moment_ago, settings_of
from tests.support.services import Keys


class Replicas:
    """Replicas of the risk service, and how many calls each of them answered."""

    def __init__(self, edges: list[EdgeWorld], authority: Authority) -> None:
        self.answered: Counter[str] = Counter()
        self.authority = authority
        # What DNS gives for a headless Service: the address of each replica.
        self.target = "ipv4:" + ",".join(edge.address for edge in edges)
        for edge in edges:
            edge.profiles.answer = self._counting(edge.address)

    def _counting(self, address: str) -> Any:
        async def answer(request: Request, context: Any) -> Response:
            self.answered[address] += 1
            return Response()

        return answer


@pytest.fixture
async def replicas(keys: Keys, tmp_path: Path) -> AsyncIterator[Replicas]:
    authority = Authority(tmp_path)
    files = authority.service("risk", now=a_moment_ago())
    async with AsyncExitStack() as stack:
        edges = [await stack.enter_async_context(an_edge(keys, **settings_of(files))) for _ in range(3)]
        yield Replicas(edges, authority)


async def test_calls_are_spread_evenly_over_all_replicas(replicas: Replicas) -> None:
    files = replicas.authority.service("benefits", now=a_moment_ago())
    async with channel(replicas.target, RISK, tls=Certificates(files)) as to_risk:
        stub = risk_pb2_grpc.RiskServiceStub(to_risk)
        async with asyncio.timeout(30):
            while len(replicas.answered) < 3:  # until it is connected to all of them
                await stub.BatchGetRiskProfiles(a_request())
        replicas.answered.clear()
        for _ in range(30):
            await stub.BatchGetRiskProfiles(a_request())

    assert sorted(replicas.answered.values()) == [10, 10, 10]


async def test_connections_end_after_their_time_and_calls_go_on_over_others(keys: Keys) -> None:
    connections: set[str] = set()

    async def answer(request: Request, context: Any) -> Response:
        connections.add(context.peer())
        await asyncio.sleep(0.05)
        return Response()

    async with an_edge(keys, connection_seconds_max=1) as edge:
        edge.profiles.answer = answer
        stub: Any = risk_pb2_grpc.RiskServiceStub(edge.raw())
        async with asyncio.timeout(30):
            while len(connections) < 3:
                await stub.BatchGetRiskProfiles(a_request(), metadata=edge.metadata)
