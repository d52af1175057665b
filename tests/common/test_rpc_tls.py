"""Mutual TLS: whose handshake is taken, and what happens when certificates are renewed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from libs.cli.certificates import LIFE, Authority
from libs.common.clock import now
from libs.common.settings import ConfigurationError
from libs.common.tls import Certificates, TlsFiles
from tests.common.rpc_world import METHOD, Request, Response, a_request, error_of, info
from tests.common.tls_world import World, a_moment_ago, a_tls_world
from tests.support.services import Keys


@pytest.fixture
async def world(keys: Keys, tmp_path: Path) -> AsyncIterator[World]:
    async with a_tls_world(keys, tmp_path) as world:
        yield world


# The handshake


async def handshake_fails(world: World, credentials: grpc.ChannelCredentials) -> None:
    """No call gets through with credentials that our own channels would not even show."""
    options = [("grpc.ssl_target_name_override", "risk")]
    opened = grpc.aio.secure_channel(world.edge.address, credentials, options=options)
    world.edge.channels.append(opened)
    method: Any = opened.unary_unary(METHOD)

    error = await error_of(method(a_request().SerializeToString(), timeout=5))

    assert (error.code(), info(error).reason) == (grpc.StatusCode.UNAVAILABLE, "")
    assert not world.callers


async def test_a_certificate_of_our_authority_is_taken(world: World) -> None:
    assert await world.caller(world.service("benefits"))


async def test_a_client_without_a_certificate_is_refused_at_the_handshake(world: World) -> None:
    await handshake_fails(world, grpc.ssl_channel_credentials(world.operator.authority.read_bytes()))


async def test_a_client_of_another_authority_is_refused_at_the_handshake(
    world: World, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "other").service("benefits", now=a_moment_ago())

    await world.handshake_fails(TlsFiles(stranger.certificate, stranger.key, world.operator.authority))


async def test_a_server_of_another_authority_is_refused_at_the_handshake(
    world: World, tmp_path: Path
) -> None:
    own, other = world.service("benefits"), Authority(tmp_path / "other").operator(now=a_moment_ago())

    await world.handshake_fails(TlsFiles(own.certificate, own.key, other.authority))


async def test_a_certificate_that_has_expired_is_refused_at_the_handshake(world: World) -> None:
    expired = world.authority.service("members", now=now() - LIFE - timedelta(days=1))
    shown = (file.read_bytes() for file in (expired.authority, expired.key, expired.certificate))

    await handshake_fails(world, grpc.ssl_channel_credentials(*shown))


async def test_a_certificate_that_is_not_good_yet_is_refused_at_the_handshake(world: World) -> None:
    await world.handshake_fails(world.authority.service("members", now=now() + timedelta(hours=1)))


async def test_a_service_with_the_certificate_of_another_is_refused_at_the_handshake(world: World) -> None:
    await world.handshake_fails(world.service("benefits"), server="scoring")


async def test_a_client_without_tls_gets_no_answer(world: World) -> None:
    error = await error_of(world.edge.raw().unary_unary(METHOD)(b"", timeout=2))

    assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert not world.callers


# Renewal


async def test_a_renewed_certificate_of_the_server_is_shown_without_a_restart(world: World) -> None:
    replaced(world.service("risk"), world.service("scoring"))
    await asyncio.sleep(1.1)

    await world.handshake_fails(world.service("benefits"))
    assert await world.call(world.service("benefits"), server="scoring") == b""


async def test_a_renewed_certificate_of_the_client_is_shown_without_a_restart(world: World) -> None:
    files = world.partner()
    stub = world.stub(files)
    await stub.BatchGetRiskProfiles(a_request())

    replaced(files, world.partner("rival"))
    await asyncio.sleep(1.1)
    await stub.BatchGetRiskProfiles(a_request())

    assert [each.subject for each in world.callers] == ["shop", "rival"]


async def test_calls_under_way_outlive_the_renewal_of_their_certificate(world: World) -> None:
    files, let_go = world.partner(), asyncio.Event()
    stub = world.stub(files)

    async def held(request: Request, context: Any) -> Response:
        await world.note(request, context)
        await let_go.wait()
        return Response()

    world.edge.profiles.answer = held
    under_way = asyncio.ensure_future(stub.BatchGetRiskProfiles(a_request()))
    while not world.callers:
        await asyncio.sleep(0.01)
    replaced(files, world.partner("rival"))
    await asyncio.sleep(1.1)
    later = asyncio.ensure_future(stub.BatchGetRiskProfiles(a_request()))
    while len(world.callers) < 2:
        await asyncio.sleep(0.01)
    let_go.set()

    assert await under_way == await later == Response()
    assert [each.subject for each in world.callers] == ["shop", "rival"]


async def test_files_that_do_not_fit_together_leave_the_certificate_as_it_was(world: World) -> None:
    own = world.service("risk")
    own.key.write_bytes(world.service("scoring").key.read_bytes())
    await asyncio.sleep(1.1)

    assert await world.caller(world.service("benefits"))


def replaced(files: TlsFiles, by: TlsFiles) -> None:
    files.key.write_bytes(by.key.read_bytes())
    files.certificate.write_bytes(by.certificate.read_bytes())


@pytest.mark.parametrize("harm", ["certificate", "key", "authority"])
def test_files_that_cannot_be_used_end_the_start(tmp_path: Path, harm: str) -> None:
    files = Authority(tmp_path).service("risk", now=a_moment_ago())
    getattr(files, harm).write_text("nothing")

    with pytest.raises(ConfigurationError, match=r"risk\.pem"):
        Certificates(files)


def test_a_certificate_that_has_expired_ends_the_start(tmp_path: Path) -> None:
    expired = Authority(tmp_path).service("risk", now=a_moment_ago() - LIFE - timedelta(days=1))

    with pytest.raises(ConfigurationError, match=r"risk\.pem expired at"):
        Certificates(expired)


def test_a_key_that_needs_a_password_ends_the_start(tmp_path: Path) -> None:
    files = Authority(tmp_path).service("risk", now=a_moment_ago())
    key = load_pem_private_key(files.key.read_bytes(), password=None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    files.key.write_bytes(encrypted)

    with pytest.raises(ConfigurationError, match="encrypted"):
        Certificates(files)


def test_files_that_are_only_touched_are_no_renewal(tmp_path: Path) -> None:
    files = Authority(tmp_path).service("risk", now=a_moment_ago())
    certificates = Certificates(files)
    before = certificates.current()

    files.certificate.touch()
    certificates._refresh()

    assert certificates.current() is before


def test_a_key_of_another_certificate_ends_the_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, other = (
        authority.service("risk", now=a_moment_ago()),
        authority.service("members", now=a_moment_ago()),
    )

    with pytest.raises(ConfigurationError, match="is not the key of"):
        Certificates(TlsFiles(own.certificate, other.key, own.authority))


# What needs a certificate and no token


async def test_health_and_reflection_need_a_certificate_and_no_token(world: World) -> None:
    opened = world.raw(world.operator)
    health: Any = health_pb2_grpc.HealthStub(opened)
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(opened)
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]

    answer = await health.Check(health_pb2.HealthCheckRequest())
    listed = [each async for each in reflection.ServerReflectionInfo(iter(asked))]

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert listed[0].list_services_response.service
