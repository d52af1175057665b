"""The scoring service behind a real channel, and callers of each kind."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from laurel.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from libs.common.caller import PrincipalKind
from libs.common.rpc.client import channel
from services.scoring.server import make_server
from services.scoring.settings import Settings
from tests.support.services import Keys

if TYPE_CHECKING:
    from laurel.scoring.v1.scoring_pb2_grpc import ScoringServiceAsyncStub

    AsCaller = Callable[[PrincipalKind, str | None], ScoringServiceAsyncStub]

SERVICE = scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"]
PROGRAMS_HELD_MAX = 2


@pytest.fixture
async def as_caller(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[AsCaller]":
    """Stubs of a scoring service of its own, which holds two programs, for callers of a kind and program."""
    keys = Keys.made_in(tmp_path_factory.mktemp("keys"))
    server = make_server(
        Settings(
            key_set_file=keys.key_set_file,
            development=True,
            port=0,
            metrics_port=0,
            programs_held_max=PROGRAMS_HELD_MAX,
            drain_seconds=0,
        )
    )
    port = await server.start()
    channels = []

    def stub(kind: PrincipalKind, program_id: str | None = None) -> "ScoringServiceAsyncStub":
        opened = channel(f"127.0.0.1:{port}", SERVICE, token=keys.token(kind, "caller", program_id))
        channels.append(opened)
        return scoring_pb2_grpc.ScoringServiceStub(opened)

    yield stub
    for opened in channels:
        await opened.close()
    await server.drain()


@pytest.fixture
async def scoring(as_caller: "AsCaller") -> "ScoringServiceAsyncStub":
    """Scoring as another service calls it."""
    return as_caller("service", None)
