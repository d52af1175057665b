"""The gateway in front of fake services, and a client of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.common.caller import PrincipalKind
from libs.common.clock import now
from libs.common.tokens import TokenSigner, make_key
from services.gateway.clients import Clients
from services.gateway.server import make_app
from services.gateway.settings import GatewaySettings
from tests.gateway.fakes import Services
from tests.gateway.world import PROGRAM, World

ORIGIN = "https://shop.example"


@dataclass
class Graph:
    """A client of the gateway."""

    http: httpx.AsyncClient
    services: Services
    signer: TokenSigner

    def token(
        self,
        kind: PrincipalKind = "staff",
        program_id: str | None = PROGRAM,
        ttl: timedelta = timedelta(minutes=5),
    ) -> str:
        return self.signer.token("somebody", kind, now=now(), ttl=ttl, program_id=program_id)

    async def post(self, body: object, *, token: str | None = None, **headers: str) -> httpx.Response:
        authorization = {"authorization": f"Bearer {self.token() if token is None else token}"}
        return await self.http.post("/graphql", json=body, headers=authorization | headers)

    async def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole answer to a query."""
        response = await self.post({"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, **variables: object) -> Any:
        """The data of an answer without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A platform key and the key set that verifies it."""
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder / "key.pem", folder / "keys.json")
    return folder


@pytest.fixture
async def graph(keys: Path) -> AsyncIterator[Graph]:
    """A gateway before four services of 30 members."""
    services = await Services.start(World.of(30), keys)
    settings = GatewaySettings(
        key_set_file=keys / "keys.json",
        port=0,
        metrics_port=0,
        members_address=services.members.address,
        scoring_address=services.scoring.address,
        benefits_address=services.benefits.address,
        risk_address=services.risk.address,
        cors_origins=(ORIGIN,),
        request_bytes_max=64 * 1024,
    )
    clients = Clients(settings)
    app = make_app(settings, clients)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield Graph(http, services, TokenSigner(keys / "key.pem", keys / "keys.json"))
    await clients.close()
    await services.kill()
