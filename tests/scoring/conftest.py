"""The scoring service behind a real channel, and callers of each kind."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from laurel.scoring.v1 import (
    explanations_pb2,
    explanations_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    walks_pb2,
    walks_pb2_grpc,
)
from libs.common.caller import PrincipalKind
from libs.common.rpc.client import channel
from services.scoring.server import make_server
from services.scoring.settings import Settings
from tests.scoring.models_world import ModelsWorld, models_world
from tests.support.services import NO_DATABASE, Keys

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

    AsCaller = Callable[[PrincipalKind, str | None], ScoringServiceAsyncStub]

SERVICE = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
WALKS = walks_pb2.DESCRIPTOR.services_by_name["WalkService"]
EXPLANATION = explanations_pb2.DESCRIPTOR.services_by_name["ExplanationService"]
PROGRAMS_HELD_MAX = 2


@dataclass(frozen=True)
class ScoringPlace:
    """Where a scoring service of its own is, which holds two programs."""

    address: str
    keys: Keys
    stub: "Callable[[Any], Any]" = scoring_pb2_grpc.ScoringServiceStub


@pytest.fixture
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ScoringPlace]:
    """A scoring service."""
    keys = Keys.made_in(tmp_path_factory.mktemp("keys"))
    server = make_server(
        Settings(
            key_set_file=keys.key_set_file,
            audit_key_file=keys.audit_key_file,
            mongodb_uri=NO_DATABASE,
            development=True,
            port=0,
            metrics_port=0,
            programs_held_max=PROGRAMS_HELD_MAX,
            drain_seconds=0,
        )
    )
    yield ScoringPlace(f"127.0.0.1:{await server.start()}", keys)
    await server.drain()


@pytest.fixture
async def as_caller(place: ScoringPlace) -> "AsyncIterator[AsCaller]":
    """Stubs of the scoring service for callers of a kind and program."""
    channels = []

    def stub(
        kind: PrincipalKind,
        program_id: str | None = None,
        service: ServiceDescriptor = SERVICE,
        made: Callable[[Any], Any] = scoring_pb2_grpc.ScoringServiceStub,
    ) -> Any:
        opened = channel(place.address, service, token=place.keys.token(kind, "caller", program_id))
        channels.append(opened)
        return made(opened)

    yield stub
    for opened in channels:
        await opened.close()


@pytest.fixture
def explaining_as(as_caller: Any) -> Callable[..., Any]:
    """Stubs of ExplanationService for callers of a kind and program."""
    return partial(as_caller, service=EXPLANATION, made=explanations_pb2_grpc.ExplanationServiceStub)


@pytest.fixture
def walking_as(as_caller: Any) -> Callable[..., Any]:
    """Stubs of WalkService for callers of a kind and program."""
    return partial(as_caller, service=WALKS, made=walks_pb2_grpc.WalkServiceStub)


@pytest.fixture
async def scoring(as_caller: "AsCaller") -> "ScoringServiceAsyncStub":
    """Scoring as another service calls it."""
    return as_caller("service", None)


@pytest.fixture(scope="module")
async def models(mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ModelsWorld]:
    """A scoring service with a registry of its own."""
    async with models_world(mongodb_uri, Keys.made_in(tmp_path_factory.mktemp("keys"))) as world:
        yield world
