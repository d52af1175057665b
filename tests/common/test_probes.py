"""Probes: without TLS, on a port of their own; liveness is the process, readiness ends with the drain."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.cli.certificates import Authority
from libs.cli.ports import Ports
from libs.common.rpc.probes import LIVENESS, READINESS
from tests.common.rpc_world import METHOD, EdgeWorld, Request, Response, a_request, an_edge, error_of
from tests.common.tls_world import a_moment_ago, settings_of
from tests.support.services import Keys

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass
class Probed:
    """A service behind TLS, and a channel to its probes as the kubelet opens it."""

    edge: EdgeWorld
    channel: Any
    stub: Any

    async def status(self, name: str) -> Any:
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)).status


@pytest.fixture
async def probed(keys: Keys, tmp_path: Path) -> AsyncIterator[Probed]:
    certificate = settings_of(Authority(tmp_path).service("risk", now=a_moment_ago()))
    with Ports() as ports:
        port = ports.any()
        async with (
            an_edge(keys, **certificate, drain_seconds=5, probe_port=port) as edge,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield Probed(edge, channel, health_pb2_grpc.HealthStub(channel))


async def test_a_service_that_serves_is_alive_and_ready(probed: Probed) -> None:
    assert await probed.status(LIVENESS) == SERVING
    assert await probed.status(READINESS) == SERVING


async def test_a_service_that_drains_is_alive_and_no_longer_ready(probed: Probed) -> None:
    let_go = asyncio.Event()

    async def held(request: Request, context: Any) -> Response:
        await let_go.wait()
        return Response()

    probed.edge.profiles.answer = held
    files = probed.edge.server._settings
    assert files.tls_ca_file is not None
    assert files.tls_key_file is not None
    assert files.tls_certificate_file is not None
    credentials = grpc.ssl_channel_credentials(
        files.tls_ca_file.read_bytes(),
        files.tls_key_file.read_bytes(),
        files.tls_certificate_file.read_bytes(),
    )
    async with grpc.aio.secure_channel(
        probed.edge.address, credentials, options=[("grpc.ssl_target_name_override", "risk")]
    ) as channel:
        call: Any = channel.unary_unary(METHOD)
        under_way = asyncio.ensure_future(call(a_request().SerializeToString(), timeout=20))
        async with asyncio.timeout(10):
            while not probed.edge.profiles.asked:
                await asyncio.sleep(0.01)
        draining = asyncio.create_task(probed.edge.server.drain())
        async with asyncio.timeout(4):
            while await probed.status(READINESS) != NOT_SERVING:
                await asyncio.sleep(0.01)

        assert await probed.status(LIVENESS) == SERVING

        let_go.set()
        await under_way
        await draining


async def test_no_other_name_is_probed(probed: Probed) -> None:
    error = await error_of(probed.status(""))

    assert error.code() == grpc.StatusCode.NOT_FOUND


async def test_bytes_that_are_no_message_are_refused_in_our_words(probed: Probed) -> None:
    call: Any = probed.channel.unary_unary("/grpc.health.v1.Health/Check")

    error = await error_of(call(b"\xff\xff", timeout=5))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", ["/grpc.health.v1.Health/Watch", METHOD])
async def test_nothing_else_is_answered_without_tls(probed: Probed, method: str) -> None:
    call: Any = probed.channel.unary_unary(method)

    error = await error_of(call(b"", timeout=5))

    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert probed.edge.profiles.asked == []


async def test_without_a_port_for_them_there_are_no_probes(keys: Keys) -> None:
    async with an_edge(keys) as edge:
        assert edge.server._probes is None
