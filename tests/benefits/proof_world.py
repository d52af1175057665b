"""A ledger that a test posts to, chains and closes as the product does, verifies, and may tamper with."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc

from laurel.benefits.v1 import (
    badges_pb2,
    badges_pb2_grpc,
    benefits_pb2,
    benefits_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
)
from libs.cli import ledger, ledger_chain
from libs.cli.data_folder import DataFolder
from libs.common.badge_policy import Badges
from libs.common.caller import PrincipalKind
from libs.common.chains.anchors import Anchors
from libs.common.chains.check import Checked
from libs.common.chains.documents import root_from
from libs.common.chains.keys import ChainSigner
from libs.common.chains.sequencer import SEQUENCER, Chained, Sequencer
from libs.common.clock import now
from libs.common.homes import keep_homes
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Database, Document
from libs.common.program import preset
from libs.common.rpc.client import channel
from libs.common.visibility import Home
from services.benefits.domain.accruals import Accrual, accrue
from services.benefits.domain.earning import Earning
from services.benefits.domain.posting import Posting
from services.benefits.domain.program_changes import change_of
from services.benefits.domain.programs import Version
from services.benefits.handlers.following import FollowHandlers
from services.benefits.handlers.programs import ProgramHandlers
from services.benefits.handlers.roots import RootHandlers
from services.benefits.repository import ledger as books
from services.benefits.repository import program_versions
from services.benefits.repository.chaining import CHAINED
from services.benefits.repository.store import BenefitsStore
from tests.support.services import Keys

SERVICE = "benefits"
SERVICES = [
    each
    for protos in (benefits_pb2, badges_pb2, proofs_pb2, reports_pb2)
    for each in protos.DESCRIPTOR.services_by_name.values()
]
HOME = Home("online", "", "shop")


def a_while_ago() -> datetime:
    """Long enough for everything to have its place, its head and its copy."""
    return now() - timedelta(minutes=1)


@dataclass
class Books:
    """The ledger of one program. `time` is when things are recorded."""

    world: "ProofWorld"
    program_id: str
    time: datetime = field(default_factory=a_while_ago)
    members: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def store(self) -> BenefitsStore:
        return BenefitsStore(self.database)

    async def accrues(self, *points: int, member_id: str = "", source: str = "shop") -> str:
        """A member earns points, by a purchase for each, all in one transaction of the database."""
        member_id = member_id or new_id("mem")
        self.members.append(member_id)
        await keep_homes(self.database, [(self.program_id, member_id, HOME)])

        async def work(store: BenefitsStore) -> None:
            posting = Posting(self.program_id, "points", 0, self.time, new_id)
            met = [posting.system("issuer"), posting.account(member_id)]
            posting.accounts = await books.accounts(store, [each.account_id for each in met])
            for each in points:
                earning = Earning("spend", each * 100, 100, 1, 10_000, "normal", each)
                accrual = Accrual(
                    member_id, source, new_id("ref"), 0, self.time, self.time, None, (earning,), "points"
                )
                accrue(posting, accrual, program_time=self.time)
            await books.keep(store, posting)

        await self.store.transaction(work)
        return member_id

    def sequencer(self, kind: Chained = CHAINED, **changes: Any) -> Sequencer:
        """A replica's sequencer; it holds its lease once that was renewed."""
        self.leases = Leases(self.database, [SEQUENCER], group=new_id("entries"), holder="test", now=now)
        chained = replace(kind, sweep_seconds=0.05)
        settings = {"heads_file": self.world.heads_file, "now": lambda: self.time}
        signer = self.world.signer
        return Sequencer(chained, self.database, self.leases, signer, **dict[str, Any](settings | changes))

    async def chain(self, kind: Chained = CHAINED, **changes: Any) -> None:
        """Give all that waits its places, under one head."""
        await self.sequencer(kind, **changes)._chain(self.program_id)
        await self.sequencer(kind, **changes)._anchors.keep()

    def roots(self, kind: Chained = CHAINED, **changes: Any) -> RootHandlers:
        """What closes days in one replica."""
        anchors = Anchors(
            self.database, kind.roots, changes.pop("heads_file", self.world.heads_file), root_from
        )
        programs = ProgramHandlers(self.store, now)
        return RootHandlers(kind, self.store, programs, self.world.signer, anchors, now=lambda: self.time)

    async def close(self, kind: Chained = CHAINED, **changes: Any) -> None:
        """Make the roots of all days that are over."""
        roots = self.roots(kind, **changes)
        while await roots.close(self.program_id):
            pass

    async def day(self, time: datetime, *points: int) -> None:
        """A day of these accruals, of a member each, chained one by one; then the next day begins."""
        for each in points:
            self.time = time
            await self.accrues(each)
            await self.chain()

    async def entries(self) -> list[Document]:
        """The documents in the order of the chain, those that wait last."""
        found = await self.database.entries.find({"program_id": self.program_id}).to_list(None)
        return sorted(found, key=lambda each: (each.get("position", 2**62), each["_id"]))

    def follow(self) -> FollowHandlers:
        """What follows the chain in one replica."""
        programs = ProgramHandlers(self.store, now)
        return FollowHandlers(self.store, programs, service=SERVICE, now=lambda: self.time)

    def caller(self, kind: PrincipalKind = "staff", subject: str = "cleo", **claims: Any) -> Any:
        """A stub of ProofService for a principal of the program."""
        return proofs_pb2_grpc.ProofServiceStub(self.world.channel(self.program_id, kind, subject, **claims))

    def clients(self) -> Any:
        """The services as the command calls them."""
        opened = self.world.channel(self.program_id, "staff", "cleo")
        return SimpleNamespace(
            badges=badges_pb2_grpc.BadgesServiceStub(opened),
            proofs=proofs_pb2_grpc.ProofServiceStub(opened),
            benefits=benefits_pb2_grpc.BenefitsServiceStub(opened),
            reports=reports_pb2_grpc.ReportsServiceStub(opened),
        )

    async def verified(self) -> Checked:
        """What the verification of the chain finds."""
        return await ledger_chain.verify(
            self.clients(), self.world.folder, self.program_id, lambda _, __: None
        )

    async def codes(self) -> set[str]:
        """What both verifications find, by code."""
        chain = {fault.code.name for fault in (await self.verified()).faults}
        result = await ledger.verify(self.clients(), program_id=self.program_id)
        return chain | {fault.code for fault in result.faults}


@dataclass
class ProofWorld:
    """The database of a benefits service that runs, and what its heads and roots are kept apart in."""

    database: Database
    address: str
    keys: Keys
    folder: DataFolder
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def heads_file(self) -> Path:
        return self.folder.audit_heads_file(SERVICE)

    @property
    def signer(self) -> ChainSigner:
        return ChainSigner(SERVICE, self.folder.audit_key_file(SERVICE))

    async def books(self, badges: Badges = (), **fields: Any) -> Books:
        """The books of a program that nobody else has anything to do with; its days end at 16:00 UTC."""
        program = preset("ecommerce_five").model_copy(
            update={
                "key": f"store_{new_id('x')[-12:]}",
                "time_zone": "Asia/Shanghai",
                "version": 1,
                "badges": badges,
            }
        )
        version = Version(program, program.digest(), datetime(2026, 1, 1, tzinfo=UTC))
        await program_versions.keep(BenefitsStore(self.database), change_of(version), now())
        return Books(self, program.key, **fields)

    def channel(self, program_id: str, kind: PrincipalKind, subject: str, **claims: Any) -> grpc.aio.Channel:
        """A channel of a principal; it is held, or grpc.aio would close it."""
        token = self.keys.token(kind, subject, program_id, **claims)
        self._channels.append(channel(self.address, *SERVICES, token=token, timeout=30))
        return self._channels[-1]

    async def close(self) -> None:
        for opened in self._channels:
            await opened.close()
