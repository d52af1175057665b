"""Who somebody is by certificate, and whose tokens that certificate may carry."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from libs.cli.certificates import Authority
from libs.common.caller import Principal
from libs.common.clock import now
from libs.common.rpc.peer import Peer, peer_of
from libs.common.tls import TlsFiles
from tests.common.rpc_world import METHOD, a_request, an_edge, error_of
from tests.common.tls_world import World, a_moment_ago, a_tls_world, settings_of
from tests.support.services import Keys

FORBIDDEN, UNAUTHENTICATED = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
async def world(keys: Keys, tmp_path: Path) -> AsyncIterator[World]:
    async with a_tls_world(keys, tmp_path) as world:
        yield world


# Who somebody is


async def test_a_service_is_known_by_its_certificate_alone(world: World) -> None:
    assert await world.caller(world.service("benefits")) == Principal("benefits", "service", None)


async def test_a_partner_is_known_by_its_certificate_alone(world: World) -> None:
    assert await world.caller(world.partner()) == Principal("shop", "partner", "music_store")


async def test_services_call_each_other_without_a_token(world: World) -> None:
    await world.stub(world.service("benefits")).BatchGetRiskProfiles(a_request())

    assert world.callers == [Principal("benefits", "service", None)]


@pytest.mark.parametrize("name", ["operator", "gateway"])
async def test_who_calls_in_the_names_of_others_is_nobody_without_a_token(world: World, name: str) -> None:
    files = world.operator if name == "operator" else world.service("gateway")

    assert await world.refusal(files) == (UNAUTHENTICATED, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "path",
    [
        "service/",
        "service/Benefits",
        "service/benefits/more",
        "services/benefits",
        "partner/shop",
        "partner/music_store/shop/more",
        "operator",
        "service/../operator/laurel",
        "service/benefits?x",
        "service/benefits%00",
        "",
    ],
)
async def test_a_certificate_of_no_name_that_we_give_is_forbidden_everything(world: World, path: str) -> None:
    odd = world.authority._issued("odd", path, (), a_moment_ago())

    assert await world.refusal(odd) == (FORBIDDEN, "FORBIDDEN")
    assert await world.refusal(odd, world.token("staff", "ann")) == (FORBIDDEN, "FORBIDDEN")


async def test_a_certificate_of_another_trust_domain_is_forbidden_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.cli.certificates.TRUST_DOMAIN", "laurel.example")

    assert await world.refusal(world.service("benefits")) == (FORBIDDEN, "FORBIDDEN")


async def test_a_certificate_that_names_a_host_only_is_forbidden_everything(
    keys: Keys, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("risk", "benefits")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "it.pem")
    issued.private_key_pem.write_to_path(tmp_path / "it.key")
    files = TlsFiles(tmp_path / "it.pem", tmp_path / "it.key", tmp_path / "ca.pem")

    async with an_edge(keys, **settings_of(files)) as edge:
        world = World(edge, Authority(tmp_path))

        assert await world.refusal(files) == (FORBIDDEN, "FORBIDDEN")


def test_a_certificate_of_two_names_is_nobodys() -> None:
    one, other = b"spiffe://laurel/service/members", b"spiffe://laurel/operator/laurel"

    assert peer_of((one,), "laurel") == Peer("service", "members")
    assert peer_of((one, other), "laurel") is None
    assert peer_of((), "laurel") is None


# Whose tokens a certificate may carry


@pytest.mark.parametrize("kind", ["staff", "member", "partner"])
async def test_the_gateway_carries_the_tokens_of_whoever_asked(world: World, kind: Any) -> None:
    principal = await world.caller(world.service("gateway"), world.token(kind, "ann"))

    assert (principal.kind, principal.subject) == (kind, "ann")


async def test_the_gateway_carries_no_token_of_a_service(world: World) -> None:
    token = world.token("service", "benefits", None)

    assert await world.refusal(world.service("gateway"), token) == (FORBIDDEN, "FORBIDDEN")


async def test_a_partner_may_bring_its_own_token(world: World) -> None:
    principal = await world.caller(world.partner(), world.token("partner", "shop"))

    assert principal.token


@pytest.mark.parametrize(
    ("kind", "subject", "program_id"),
    [
        ("partner", "rival", "music_store"),
        ("partner", "shop", "other_store"),
        ("staff", "shop", "music_store"),
        ("member", "shop", "music_store"),
        ("service", "shop", "music_store"),
    ],
)
async def test_a_partner_carries_nobody_elses_token(
    world: World, kind: Any, subject: str, program_id: str
) -> None:
    token = world.token(kind, subject, program_id)

    assert await world.refusal(world.partner(), token) == (FORBIDDEN, "FORBIDDEN")


async def test_an_operator_carries_tokens_of_staff(world: World) -> None:
    assert (await world.caller(world.operator, world.token("staff", "ann"))).subject == "ann"


@pytest.mark.parametrize("kind", ["member", "partner", "service"])
async def test_an_operator_carries_no_other_tokens(world: World, kind: Any) -> None:
    assert await world.refusal(world.operator, world.token(kind, "ann")) == (FORBIDDEN, "FORBIDDEN")


@pytest.mark.parametrize("kind", ["staff", "member", "partner", "service"])
async def test_a_service_carries_no_token_at_all(world: World, kind: Any) -> None:
    token = world.token(kind, "benefits")

    assert await world.refusal(world.service("benefits"), token) == (FORBIDDEN, "FORBIDDEN")


@pytest.mark.parametrize("peer", ["partner", "service", "gateway", "operator"])
async def test_a_token_that_is_not_good_is_never_passed_over(world: World, peer: str) -> None:
    files = {
        "partner": world.partner(),
        "service": world.service("benefits"),
        "gateway": world.service("gateway"),
        "operator": world.operator,
    }[peer]

    assert await world.refusal(files, "a.b.c") == (UNAUTHENTICATED, "UNAUTHENTICATED")
    assert await world.refusal(files, "") == (UNAUTHENTICATED, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "given", [["Basic x"], ["Bearer"], [""], ["own", "own"]], ids=["another", "nothing", "empty", "two"]
)
async def test_an_authorization_that_is_no_bearer_token_is_never_passed_over(
    world: World, given: list[str]
) -> None:
    own = f"Bearer {world.token('partner', 'shop')}"
    method: Any = world.raw(world.partner()).unary_unary(METHOD)
    headers = [("authorization", own if value == "own" else value) for value in given]

    error = await error_of(method(a_request().SerializeToString(), metadata=headers, timeout=5))

    assert error.code() == UNAUTHENTICATED


# Revoked


async def test_a_certificate_is_revoked_with_its_holder(world: World, tmp_path: Path) -> None:
    shop, rival = world.partner(), world.partner("rival")
    assert await world.caller(shop)
    world.callers.clear()

    revoke(tmp_path / "revocations.json", "shop", now() + timedelta(seconds=1))
    await asyncio.sleep(3)

    assert await world.refusal(shop) == (UNAUTHENTICATED, "UNAUTHENTICATED")
    assert await world.caller(rival)


def revoke(file: Path, subject: str, before: datetime) -> None:
    revoked = {"subject": subject, "kind": "partner", "issued_before": before.isoformat()}
    file.write_text(json.dumps({"revoked": [revoked]}))
