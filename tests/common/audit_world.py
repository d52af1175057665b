"""An audit log that a test writes, chains and verifies as the product does, and may tamper with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc

from laurel.common.v1 import audit_pb2, audit_pb2_grpc
from laurel.members.v1 import members_pb2 as pb
from libs.cli import audit as commands
from libs.cli.data_folder import DataFolder
from libs.common import mongo
from libs.common.audit import trail
from libs.common.audit.chained import AUDIT
from libs.common.audit.trail import Act
from libs.common.caller import Principal, PrincipalKind, set_caller
from libs.common.chains.check import Checked
from libs.common.chains.keys import ChainSigner
from libs.common.chains.sequencer import SEQUENCER, Sequencer
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Database, Document, Request, Session
from libs.common.rpc.client import channel
from tests.support.builders import PROGRAM
from tests.support.services import Keys

if TYPE_CHECKING:
    from laurel.common.v1.audit_pb2_grpc import AuditServiceAsyncStub

SERVICE = "members"
ANN = Principal("ann", "staff", PROGRAM, roles=("system_administrator",))
AUDIT_SERVICE = audit_pb2.DESCRIPTOR.services_by_name["AuditService"]


def a_minute_ago() -> datetime:
    """Long enough for everything to have its place, its head and its copy."""
    return now() - timedelta(minutes=1)


def asked(request_id: str, program_id: str = PROGRAM) -> Request[pb.CreateStoreResponse]:
    """A privileged write that somebody asks for."""
    message = pb.CreateStoreRequest(program_id=program_id, request_id=request_id)
    return mongo.request(program_id, "CreateStore", request_id, message, pb.CreateStoreResponse)


@dataclass
class AuditWorld:
    """One service's log, and what reads it."""

    database: Database
    folder: DataFolder
    keys: Keys
    address: str
    now: Callable[[], datetime] = a_minute_ago
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def heads_file(self) -> Path:
        return self.folder.audit_heads_file(SERVICE)

    def sequencer(self, **changes: Any) -> Sequencer:
        """A replica's sequencer; it holds its lease once that was renewed."""
        self.leases = Leases(self.database, [SEQUENCER], group="audit", holder=new_id("host"), now=now)
        settings: dict[str, Any] = {"heads_file": self.heads_file, "now": self.now}
        signer = ChainSigner(SERVICE, self.folder.audit_key_file(SERVICE))
        quick = replace(AUDIT, sweep_seconds=0.05)
        return Sequencer(quick, self.database, self.leases, signer, **settings | changes)

    async def act(
        self,
        request_id: str | None = None,
        *,
        program_id: str = PROGRAM,
        fails: Exception | None = None,
        **fields: Any,
    ) -> None:
        """One privileged write of Ann's, as handlers do it."""
        set_caller(ANN)
        request = asked(request_id or new_id("req"), program_id)

        async def work(session: Session) -> pb.CreateStoreResponse:
            act = Act(request, **{"objects": ["online"], "after": {"sharing_group": ""}, **fields})
            await trail.record(self.database, session, act, now=self.now())
            if fails is not None:
                raise fails
            return pb.CreateStoreResponse()

        await mongo.once(self.database, request, work, now=now)

    async def acts_unchained(self, count: int) -> None:
        """So many acts that wait for their places."""
        for _ in range(count):
            await self.act()

    async def acts(self, count: int, *, program_id: str = PROGRAM) -> None:
        """So many acts, one after another, each chained and under a head of its own."""
        for _ in range(count):
            await self.act(program_id=program_id)
            await self.sequencer().sweep()

    async def records(self, program_id: str = PROGRAM) -> Sequence[Document]:
        """The documents in the order of the chain, those that wait last."""
        found = [each async for each in self.database.audit.find({"program_id": program_id})]
        return sorted(found, key=lambda each: (each.get("position", float("inf")), each["_id"]))

    def caller(
        self, kind: PrincipalKind = "staff", program_id: str = PROGRAM, *, roles: Sequence[str] | None = None
    ) -> "AuditServiceAsyncStub":
        """The log, read by a principal; its channel is held, or grpc.aio would close it."""
        token = self.keys.token(kind, "cleo", program_id, roles=roles)
        self._channels.append(channel(self.address, AUDIT_SERVICE, token=token))
        return audit_pb2_grpc.AuditServiceStub(self._channels[-1])

    async def verified(self, program_id: str = PROGRAM) -> Checked:
        """What a verification through the service finds."""
        clients: Any = SimpleNamespace(audit={SERVICE: self.caller(program_id=program_id)})
        return await commands.verify(clients, self.folder, SERVICE, program_id, lambda _, __: None)

    async def close(self) -> None:
        for each in self._channels:
            await each.close()
