"""The risk service behind mutual TLS, and calls to it with any certificate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from laurel.risk.v1 import risk_pb2_grpc
from libs.cli.certificates import Authority
from libs.common.caller import Principal, caller
from libs.common.clock import now
from libs.common.rpc.client import channel
from libs.common.rpc.transport import tls_channel
from libs.common.tls import Certificates, TlsFiles
from tests.common.rpc_world import (
    METHOD,
    RISK,
    EdgeWorld,
    Request,
    Response,
    a_request,
    an_edge,
    error_of,
    info,
)
from tests.support.services import Keys


def a_moment_ago() -> datetime:
    """When certificates are issued that are used at once.

    Who verifies one reads a clock that may be a tick behind ours: at the turn of a second it would not be
    good yet.
    """
    return now() - timedelta(seconds=1)


@dataclass
class World:
    """The risk service behind TLS, the authority it trusts, and who called it."""

    edge: EdgeWorld
    authority: Authority
    callers: list[Principal] = field(default_factory=list)

    async def note(self, request: Request, context: Any) -> Response:
        self.callers.append(caller())
        return Response()

    def raw(self, files: TlsFiles, server: str = "risk") -> Any:
        """A channel that shows a certificate and does nothing else."""
        self.edge.channels.append(tls_channel(self.edge.address, server, Certificates(files)))
        return self.edge.channels[-1]

    def call(self, files: TlsFiles, token: str | None = None, *, server: str = "risk") -> Any:
        """One call with a certificate, on a channel that tries nothing twice."""
        metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        method: Any = self.raw(files, server).unary_unary(METHOD)
        return method(a_request().SerializeToString(), metadata=metadata, timeout=5)

    def stub(self, files: TlsFiles) -> Any:
        """A stub on the channel that services call each other by."""
        self.edge.channels.append(channel(self.edge.address, RISK, tls=Certificates(files)))
        return risk_pb2_grpc.RiskServiceStub(self.edge.channels[-1])

    async def caller(self, files: TlsFiles, token: str | None = None) -> Principal:
        """Who the service takes the caller for."""
        await self.call(files, token)
        return self.callers[-1]

    async def refusal(self, files: TlsFiles, token: str | None = None) -> tuple[grpc.StatusCode, str]:
        """Code and reason of a call that reached the service and was refused."""
        error = await error_of(self.call(files, token))
        assert not self.callers
        return error.code(), info(error).reason

    async def handshake_fails(self, files: TlsFiles, **how: str) -> None:
        """No call gets so far that the service answers it."""
        error = await error_of(self.call(files, **how))
        assert (error.code(), info(error).reason) == (grpc.StatusCode.UNAVAILABLE, "")
        assert not self.callers

    def token(self, kind: Any, subject: str, program_id: str | None = "music_store") -> str:
        return self.edge.keys.token(kind, subject, program_id)()

    def service(self, name: str) -> TlsFiles:
        return self.authority.service(name, now=a_moment_ago())

    @property
    def operator(self) -> TlsFiles:
        return self.authority.operator(now=a_moment_ago())

    def partner(self, partner_id: str = "shop", program_id: str = "music_store") -> TlsFiles:
        return self.authority.partner(program_id, partner_id, now=a_moment_ago())


def settings_of(files: TlsFiles) -> dict[str, Any]:
    return {
        "development": False,
        "tls_certificate_file": files.certificate,
        "tls_key_file": files.key,
        "tls_ca_file": files.authority,
    }


@asynccontextmanager
async def a_tls_world(keys: Keys, folder: Path) -> AsyncIterator[World]:
    """Serve, with an authority and revocations in a folder."""
    authority = Authority(folder / "tls")
    revocations = folder / "revocations.json"
    revocations.write_text('{"revoked": []}')
    settings = settings_of(authority.service("risk", now=a_moment_ago())) | {"revocations_file": revocations}
    async with an_edge(keys, **settings) as edge:
        world = World(edge, authority)
        edge.profiles.answer = world.note
        yield world
