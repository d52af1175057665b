"""The gateway in front of fake services, and a client of it."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.keys import make_key
from libs.common.tokens import TokenSigner, TokenVerifier
from services.gateway.clients import Clients
from services.gateway.server import make_app
from services.gateway.settings import GatewaySettings
from tests.gateway.fakes import Services
from tests.gateway.world import PROGRAM, World
from tests.support.services import STAFF_ROLES, Keys

HOST = "gateway"
ORIGIN = "https://shop.example"


@dataclass
class Graph:
    """A client of the gateway."""

    http: httpx.AsyncClient
    services: Services
    signer: TokenSigner
    app: ASGIApp
    settings: GatewaySettings

    def token(
        self,
        kind: PrincipalKind = "staff",
        program_id: str | None = PROGRAM,
        ttl: timedelta = timedelta(minutes=5),
        *,
        subject: str = "somebody",
        roles: Sequence[str] | None = None,
        stores: Sequence[str] = (),
        sharing_groups: Sequence[str] = (),
    ) -> str:
        """A token of this principal; staff may do anything unless told."""
        if roles is None:
            roles = STAFF_ROLES if kind == "staff" else ()
        return self.signer.token(
            subject,
            kind,
            now=now(),
            ttl=ttl,
            program_id=program_id,
            roles=roles,
            stores=stores,
            sharing_groups=sharing_groups,
        )

    async def post(self, body: object, *, token: str | None = None, **headers: str) -> httpx.Response:
        authorization = {"authorization": f"Bearer {self.token() if token is None else token}"}
        return await self.http.post("/graphql", json=body, headers=authorization | headers)

    async def ask(self, query: str, *, token: str | None = None, **variables: object) -> dict[str, Any]:
        """The whole answer to a query."""
        response = await self.post({"query": query, "variables": variables}, token=token)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, *, token: str | None = None, **variables: object) -> Any:
        """The data of an answer without errors."""
        answer = await self.ask(query, token=token, **variables)
        assert "errors" not in answer, answer
        return answer["data"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform key and the key set that verifies it."""
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder / "key.pem", folder / "keys.json")
    return folder


@asynccontextmanager
async def gateway(keys: Path, **changes: object) -> AsyncIterator[Graph]:
    """A gateway before four services of 30 members, with some settings changed."""
    services = await Services.start(World.of(30), keys)
    settings = GatewaySettings(
        key_set_file=keys / "keys.json",
        development=True,
        port=0,
        metrics_port=0,
        members_address=services.members.address,
        scoring_address=services.scoring.address,
        benefits_address=services.benefits.address,
        risk_address=services.risk.address,
        trusted_hosts=(HOST,),
        cors_origins=(ORIGIN,),
    )
    clients = Clients(settings)
    verifier = TokenVerifier(settings)
    await verifier.load()
    settings = settings.model_copy(update=changes)
    app = make_app(settings, clients, verifier)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
        yield Graph(http, services, TokenSigner(keys / "key.pem"), app, settings)
    await clients.close()
    await services.kill()


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No read is given up after a second, as on a busy machine; `impatient` tests are about that."""
    if request.node.get_closest_marker("impatient"):
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("services.gateway."):
            for limit in ("READ_SECONDS", "LIST_SECONDS"):
                if hasattr(module, limit):
                    monkeypatch.setattr(module, limit, 60.0)


@pytest.fixture
async def graph(keys: Path) -> AsyncIterator[Graph]:
    """A gateway as developers run it."""
    async with gateway(keys) as graph:
        yield graph


@pytest.fixture
async def production(keys: Path) -> AsyncIterator[Graph]:
    """A gateway as it is deployed, apart from the certificates."""
    async with gateway(keys, development=False) as graph:
        yield graph


@pytest.fixture(scope="session")
def keys_of_services(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys by which callers of a service are anybody."""
    return Keys.made_in(tmp_path_factory.mktemp("keys"))
