"""A members service in memory behind the real edge, asked for by many at once, and what each must hear."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from laurel.common.v1 import fact_pb2, lookup_pb2
from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from libs.common.caller import Grant, Principal
from libs.common.errors import DeadlineExceeded, Refusal
from libs.common.policy import policy
from libs.common.rpc.client import channel
from libs.common.rpc.masking import mask
from libs.common.rpc.server import RpcServer
from libs.common.settings import ServiceSettings
from libs.common.visibility import Home, sees
from services.gateway.shared.callers import Caller
from services.gateway.shared.sharer import Sharer
from services.members.shared_reads import READS, SERVICE, shared_reads
from tests.support.services import Keys
from tests.support.sharing import said

FOUND, MISSING = lookup_pb2.LOOKUP_STATUS_FOUND, lookup_pb2.LOOKUP_STATUS_MISSING
PROGRAM, OTHER = "music_store", "other_store"
MEMBERS, FACTS = READS
HOMES = {
    "ann": Home("downtown", "east", "shop"),
    "bob": Home("uptown", "east", "shop"),
    "cai": Home("faraway", "", "rival"),
    "dan": Home("", "", "rival"),
    "eve": Home("downtown", "east", "shop"),
}
IDS = {name: f"mem_{number:032x}" for number, name in enumerate(HOMES, 1)}
PROGRAMS = {name: OTHER if name == "eve" else PROGRAM for name in HOMES}
KEYS = [*IDS.values(), "mem_" + "0" * 32]
NAMES: tuple[list[str], ...] = (["purchase.count.lifetime"], ["login.count.7d", "purchase.count.90d"], [])


def member(name: str) -> pb.Member:
    """Somebody who is told from others by everything of theirs."""
    identity = pb.Identity(source=HOMES[name].partner_id, external_id=f"customer-{name}")
    return pb.Member(
        member_id=IDS[name], program_id=PROGRAMS[name], identities=[identity], birthday=f"01-0{len(name)}"
    )


def facts(member_id: str, names: Sequence[str]) -> list[fact_pb2.Fact]:
    """Facts that say of whom they are, and by which names they were asked for."""
    return [fact_pb2.Fact(name=each, value=int(member_id[4:], 16)) for each in names]


class Everything(members_pb2_grpc.MembersServiceServicer):
    """Answers after a moment, whoever asks: who may ask was decided before."""

    def __init__(self) -> None:
        self.shared = shared_reads(self.homes)
        self.read: list[tuple[str, int]] = []
        self.fails: Exception | None = None
        self.waits: asyncio.Event | None = None

    async def homes(self, program_id: str, member_ids: Collection[str]) -> dict[str, Home]:
        await asyncio.sleep(0)
        return {IDS[name]: home for name, home in HOMES.items() if PROGRAMS[name] == program_id}

    async def _begin(self, method: str, count: int) -> None:
        self.read.append((method, count))
        if self.waits is not None:
            await self.waits.wait()
        await asyncio.sleep(random.random() / 1000)
        if self.fails is not None:
            raise self.fails

    async def BatchGetMembers(self, message: pb.BatchGetMembersRequest, context: Any) -> Any:
        await self._begin("BatchGetMembers", len(message.member_ids))
        found = {IDS[name]: member(name) for name in HOMES if PROGRAMS[name] == message.program_id}
        return pb.BatchGetMembersResponse(
            results=[
                pb.MemberResult(status=FOUND if each in found else MISSING, member=found.get(each))
                for each in message.member_ids
            ]
        )

    async def BatchGetFacts(self, message: pb.BatchGetFactsRequest, context: Any) -> Any:
        await self._begin("BatchGetFacts", len(message.keys))
        there = {IDS[name] for name in HOMES if PROGRAMS[name] == message.program_id}
        return pb.BatchGetFactsResponse(
            results=[
                pb.FactsResult(status=FOUND, facts=facts(each.member_id, message.names))
                if each.member_id in there
                else pb.FactsResult(status=MISSING)
                for each in message.keys
            ]
        )

    async def BatchRead(self, message: pb.BatchReadRequest, context: Any) -> Any:
        return await self.shared.answer(self, message, context)


STAFF: dict[str, dict[str, list[str]]] = {
    "a consultant": {"roles": ["consultant"], "stores": ["downtown"]},
    "another consultant": {"roles": ["consultant"], "stores": ["uptown", "faraway"]},
    "a manager": {"roles": ["store_manager"], "stores": ["uptown"], "sharing_groups": ["east"]},
    "an officer": {"roles": ["compliance_officer"]},
    "an analyst": {"roles": ["analyst"]},
}


@dataclass(frozen=True)
class Ask:
    """What somebody asks for."""

    who: str
    field: str
    keys: Sequence[str]
    names: Sequence[str] = ()

    @property
    def arguments(self) -> pb.ReadArguments | None:
        return pb.ReadArguments(names=self.names) if self.field == FACTS.field else None


@dataclass
class SharedWorld:
    """The service, those who ask it, and the sharer that they ask."""

    server: RpcServer
    served: Everything
    sharer: Sharer
    principals: dict[str, Principal]
    good: set[str] = field(default_factory=set)

    async def hears(self, ask: Ask, *, seconds: float = 60.0) -> list[object]:
        """What somebody hears of their keys."""
        shared = self.sharer.by(Caller.of(self.principals[ask.who]))
        try:
            values = await shared.read(ask.field, ask.keys, ask.arguments, seconds=seconds)
        except DeadlineExceeded:
            raise
        except (Refusal, grpc.aio.AioRpcError) as error:
            return [said(error)] * len(ask.keys)
        return [said(each) for each in values]

    def must_hear(self, ask: Ask) -> list[object]:
        """What somebody must hear, worked out for each key by itself."""
        principal = self.principals[ask.who]
        if ask.who not in self.good:
            return ["UNAUTHENTICATED"] * len(ask.keys)
        method = "BatchGetMembers" if ask.field == MEMBERS.field else "BatchGetFacts"
        grant = policy().rpcs[f"{SERVICE.full_name}/{method}"].grant(principal)
        if grant is None:
            return ["FORBIDDEN"] * len(ask.keys)
        return [_of_key(principal, grant, ask, key) for key in ask.keys]

    def forget(self) -> None:
        """The service forgets whom it has seen."""
        self.server._verifier._forget()


def _of_key(principal: Principal, grant: Grant, ask: Ask, key: str) -> object:
    name = next((each for each, member_id in IDS.items() if member_id == key), None)
    if name is None or PROGRAMS[name] != principal.program_id:
        return None
    if not sees(principal, grant.scope, key, HOMES[name]):
        return None
    if ask.field == FACTS.field:
        return pb.FactsResult(status=FOUND, facts=facts(key, ask.names))
    answer = pb.BatchGetMembersResponse(results=[pb.MemberResult(status=FOUND, member=member(name))])
    mask(answer, grant.mask)
    return answer.results[0]


@asynccontextmanager
async def shared_world(keys: Keys, *, calls_max: int = 1) -> AsyncIterator[SharedWorld]:
    """Everybody, before a service that knows nobody yet."""

    def principal(name: str, kind: Any, program_id: str, **claims: Any) -> Principal:
        token = keys.token(kind, name, program_id, **claims)()
        told = {claim: tuple(values) for claim, values in claims.items()}
        return Principal(name, kind, program_id, token=token, **told)

    principals = {name: principal(name, "staff", PROGRAM, **claims) for name, claims in STAFF.items()}
    principals |= {name: principal(IDS[name], "member", PROGRAMS[name]) for name in HOMES}
    principals |= {name: principal(name, "partner", PROGRAM) for name in ("shop", "rival")}
    principals["an officer elsewhere"] = principal("x", "staff", OTHER, roles=["compliance_officer"])
    good = set(principals)
    forged = principals["an officer"].token[:-8] + "AAAAAAAA"
    principals["a forger"] = Principal("an officer", "staff", PROGRAM, token=forged)
    settings = ServiceSettings(
        development=True, port=0, metrics_port=0, key_set_file=keys.key_set_file, drain_seconds=0
    )
    server = RpcServer(settings)
    served = Everything()  # type: ignore[abstract]  # the methods that are called
    server.add(members_pb2_grpc.add_MembersServiceServicer_to_server, served)
    to_service = channel(f"127.0.0.1:{await server.start()}", SERVICE)
    stub = members_pb2_grpc.MembersServiceStub(to_service)
    sharer = Sharer(SERVICE, stub.BatchRead, calls_max=calls_max)
    try:
        yield SharedWorld(server, served, sharer, principals, good)
    finally:
        await sharer.close()
        await to_service.close()
        await server.drain()
