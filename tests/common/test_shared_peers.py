"""Shared calls are for the gateway alone, by its own certificate: what they carry are credentials."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from laurel.common.v1 import sharing_pb2
from laurel.risk.v1 import risk_pb2 as pb
from libs.common.caller import Principal
from tests.common.rpc_world import error_of, info
from tests.common.tls_world import World, a_tls_world
from tests.support.services import Keys

METHOD = "/laurel.risk.v1.RiskService/BatchRead"


@pytest.fixture
async def world(keys: Keys, tmp_path: Path) -> AsyncIterator[World]:
    """The risk service behind TLS, which notes whom its shared calls carry."""
    async with a_tls_world(keys, tmp_path) as world:
        yield world


def request(*tokens: str, known: bool = False) -> pb.BatchReadRequest:
    """One ask of each caller."""
    digests = [hashlib.sha256(each.encode()).digest() for each in tokens]
    asks = sharing_pb2.SharedAsks(
        caller_digests=digests,
        caller_tokens=[] if known else tokens,
        run_caller=range(len(tokens)),
        run_length=[1] * len(tokens),
        run_want=[1] * len(tokens),
        run_arguments=[0] * len(tokens),
    )
    return pb.BatchReadRequest(asks=asks, keys=["mem_1"] * len(tokens))


def call(world: World, name: str, asked: pb.BatchReadRequest, token: str | None = None) -> Any:
    files = {"operator": lambda: world.operator, "partner": world.partner}.get(
        name, lambda: world.service(name)
    )()
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]
    method: Any = world.raw(files).unary_unary(METHOD, response_deserializer=pb.BatchReadResponse.FromString)
    return method(asked.SerializeToString(), metadata=metadata, timeout=5)


async def outcomes(world: World, asked: pb.BatchReadRequest) -> list[object]:
    """Whom the service takes the callers for: subjects, or outcomes."""
    await call(world, "gateway", asked)
    found = world.edge.profiles.carried[-1]
    return [each.subject if isinstance(each, Principal) else -each for each in found]


UNKNOWN, UNAUTHENTICATED, DENIED = (
    sharing_pb2.SHARED_OUTCOME_UNKNOWN_TOKEN,
    sharing_pb2.SHARED_OUTCOME_UNAUTHENTICATED,
    sharing_pb2.SHARED_OUTCOME_DENIED,
)


async def test_the_gateway_carries_whoever_comes_with_a_token(world: World) -> None:
    ann, shop = world.token("staff", "ann"), world.token("partner", "shop")

    assert await outcomes(world, request(ann, shop)) == ["ann", "shop"]


@pytest.mark.parametrize("name", ["members", "benefits", "risk", "operator", "partner"])
async def test_nobody_else_may_not_even_with_a_digest_that_is_known(world: World, name: str) -> None:
    ann = world.token("staff", "ann")
    await outcomes(world, request(ann))

    error = await error_of(call(world, name, request(ann, known=True)))

    assert (error.code(), info(error).reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")
    assert len(world.edge.profiles.carried) == 1


@pytest.mark.parametrize("name", ["gateway", "operator", "partner"])
async def test_a_shared_call_is_made_in_nobodys_name(world: World, name: str) -> None:
    ann = world.token("staff", "ann")

    error = await error_of(call(world, name, request(ann), ann))

    assert (error.code(), info(error).reason) == (grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN")


async def test_a_digest_is_known_once_its_token_came_by_either_way(world: World) -> None:
    ann, bob = world.token("staff", "ann"), world.token("staff", "bob")
    await world.call(world.service("gateway"), bob)

    assert await outcomes(world, request(ann, known=True)) == [UNKNOWN]
    assert await outcomes(world, request(ann)) == ["ann"]
    assert await outcomes(world, request(ann, bob, known=True)) == ["ann", "bob"]


async def test_a_token_is_nobodys_under_the_digest_of_another(world: World) -> None:
    ann, bob = world.token("staff", "ann"), world.token("staff", "bob")
    asked = request(ann, bob)
    asked.asks.caller_tokens[:] = [bob, ann]

    assert await outcomes(world, asked) == [UNAUTHENTICATED, UNAUTHENTICATED]


async def test_tokens_that_are_not_good_are_nobodys_and_cost_nobody_else(world: World) -> None:
    ann, service = world.token("staff", "ann"), world.token("service", "benefits", None)
    forged = ann[:-6] + ("AAAAAA" if not ann.endswith("AAAAAA") else "BBBBBB")

    assert await outcomes(world, request(forged, ann, "no token", service)) == [
        UNAUTHENTICATED,
        "ann",
        UNAUTHENTICATED,
        DENIED,
    ]


async def test_what_was_revoked_is_asked_for_again_and_then_refused(world: World, tmp_path: Path) -> None:
    ann, bob = world.token("staff", "ann"), world.token("staff", "bob")
    await outcomes(world, request(ann, bob))
    everything = {"subject": "ann", "kind": "staff", "program_id": "music_store"}
    revoked = everything | {"issued_before": "9999-01-01T00:00:00Z"}
    (tmp_path / "revocations.json").write_text(json.dumps({"revoked": [revoked]}))

    while (heard := await outcomes(world, request(ann, bob, known=True))) == ["ann", "bob"]:
        pass

    assert heard == [UNKNOWN, UNKNOWN]
    assert await outcomes(world, request(ann, bob)) == [UNAUTHENTICATED, "bob"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("run_length", [1, 2]),
        ("run_length", [1]),
        ("run_caller", [0, 2]),
        ("run_want", [1]),
        ("run_arguments", [0, 1]),
        ("caller_tokens", ["one"]),
    ],
)
async def test_runs_that_do_not_fit_together_are_refused(world: World, name: str, values: list[Any]) -> None:
    asked = request(world.token("staff", "ann"), world.token("staff", "bob"))
    getattr(asked.asks, name)[:] = values

    error = await error_of(call(world, "gateway", asked))

    assert (error.code(), info(error).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_neither_a_token_nor_its_digest_is_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = world.token("staff", "ann")
    await outcomes(world, request(ann, "no token"))
    await error_of(call(world, "members", request(ann)))

    told = "".join(capsys.readouterr())

    assert "denied" in told
    assert ann not in told
    assert hashlib.sha256(ann.encode()).hexdigest() not in told
