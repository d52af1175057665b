"""A server with the edge that every service has, around servicers whose answers a test chooses."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2, risk_pb2_grpc
from libs.common.caller import Principal
from libs.common.rpc.client import channel
from libs.common.rpc.server import RpcServer
from libs.common.rpc.shared.carried import carried
from libs.common.settings import ServiceSettings
from libs.common.visibility import Home
from services.risk.shared_reads import shared_reads
from tests.support.builders import PROGRAM
from tests.support.services import Keys

RISK = risk_pb2.DESCRIPTOR.services_by_name["RiskService"]
METHOD = "/laurel.risk.v1.RiskService/BatchGetRiskProfiles"

Request = risk_pb2.BatchGetRiskProfilesRequest
Response = risk_pb2.BatchGetRiskProfilesResponse
Change = risk_pb2.WatchMemberResponse
Batch = members_pb2.StreamEventsRequest
Answer = members_pb2.StreamEventsResponse


class DatabaseDown(Exception):
    """What a driver raises when its database is down."""


class Profiles(risk_pb2_grpc.RiskServiceServicer):
    """Answers as the test says."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.carried: list[Sequence[Principal | int]] = []
        self.shared = shared_reads(self.homes)
        self.answer: Callable[[Request, Any], Awaitable[Response]] = self.nothing
        self.changes: Callable[[], AsyncGenerator[Change, None]] = self.silence

    async def nothing(self, request: Request, context: Any) -> Response:
        return Response()

    def refuse(self, error: Exception) -> None:
        async def refused(request: Request, context: Any) -> Response:
            raise error

        self.answer = refused

    async def silence(self) -> AsyncGenerator[Change, None]:
        """Where a watch stands, and then nothing."""
        yield Change(seq=0)
        await asyncio.Event().wait()

    def WatchMember(self, request: risk_pb2.WatchMemberRequest, context: Any) -> AsyncGenerator[Change, None]:
        return self.changes()

    async def homes(self, program_id: str, member_ids: Collection[str]) -> dict[str, Home]:
        return {}

    async def BatchRead(self, request: risk_pb2.BatchReadRequest, context: Any) -> risk_pb2.BatchReadResponse:
        self.carried.append(carried().callers)
        answer: risk_pb2.BatchReadResponse = await self.shared.answer(self, request, context)
        return answer

    async def BatchGetRiskProfiles(self, request: Request, context: Any) -> Response:
        self.asked.append(request)
        return await self.answer(request, context)


class Streams(members_pb2_grpc.MembersServiceServicer):
    """Answers each batch, or fails at one as the test says."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.tiers: dict[str, str] = {}

    async def StreamEvents(
        self, request_iterator: AsyncIterator[Batch], context: Any
    ) -> AsyncIterator[Answer]:
        async for request in request_iterator:
            if self.failure is not None and request.batch.request_id == "fails":
                raise self.failure
            yield Answer()

    async def BatchGetMembers(
        self, request: members_pb2.BatchGetMembersRequest, context: Any
    ) -> members_pb2.BatchGetMembersResponse:
        member = members_pb2.Member(member_id="mem_1", tiers=self.tiers)
        return members_pb2.BatchGetMembersResponse(results=[members_pb2.MemberResult(member=member)])


@dataclass
class EdgeWorld:
    """A server, what it serves, and channels to it."""

    address: str
    keys: Keys
    server: RpcServer
    profiles: Profiles
    streams: Streams
    channels: list[grpc.aio.Channel] = field(default_factory=list)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.keys.token('staff', 'ann')()}"),)

    @property
    def till(self) -> tuple[tuple[str, str], ...]:
        """The metadata of a partner, who may stream events."""
        return (("authorization", f"Bearer {self.keys.token('partner', 'shop')()}"),)

    def raw(self) -> Any:
        """A channel with nothing of ours in it."""
        self.channels.append(grpc.aio.insecure_channel(self.address))
        return self.channels[-1]

    def stub(self, timeout: float = 5, token: str | None = None) -> Any:
        """A stub on the channel that services call each other by."""
        given = self.keys.token("staff", "ann") if token is None else lambda: token
        self.channels.append(channel(self.address, RISK, token=given, timeout=timeout))
        return risk_pb2_grpc.RiskServiceStub(self.channels[-1])

    def watch(self, subject: str = "ann", *, stub: Any = None) -> Any:
        """A watch of this officer's."""
        token = self.keys.token("staff", subject)()
        metadata = (("authorization", f"Bearer {token}"),)
        if stub is None:
            stub = risk_pb2_grpc.RiskServiceStub(self.raw())
        return stub.WatchMember(a_watch_request(), metadata=metadata)

    async def error(self, request: Request | None = None) -> grpc.aio.AioRpcError:
        """The error that a good request ends with."""
        return await error_of(self.stub().BatchGetRiskProfiles(request or a_request()))


@asynccontextmanager
async def an_edge(keys: Keys, **limits: Any) -> AsyncIterator[EdgeWorld]:
    """Serve, with these settings."""
    settings = ServiceSettings(
        port=0,
        metrics_port=0,
        key_set_file=keys.key_set_file,
        **{"development": True, "drain_seconds": 0, **limits},
    )
    server = RpcServer(settings, outages=(DatabaseDown,))
    profiles, streams = Profiles(), Streams()  # type: ignore[abstract] # the methods that are called
    server.add(risk_pb2_grpc.add_RiskServiceServicer_to_server, profiles)
    server.add(members_pb2_grpc.add_MembersServiceServicer_to_server, streams)
    world = EdgeWorld(f"127.0.0.1:{await server.start()}", keys, server, profiles, streams)
    try:
        yield world
    finally:
        for each in world.channels:
            await each.close()
        await server.drain()


def a_request(*member_ids: str) -> Request:
    """A request that keeps the rules."""
    return Request(program_id=PROGRAM, member_ids=member_ids or ("mem_1",))


def a_watch_request() -> risk_pb2.WatchMemberRequest:
    """A request that keeps the rules."""
    return risk_pb2.WatchMemberRequest(program_id=PROGRAM, member_id=f"mem_{1:032x}")


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """The error that a call ends with."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call was answered")


def detail(error: grpc.aio.AioRpcError, kind: type[Message]) -> Any:
    """The detail of this kind that an error carries, or an empty one."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    found = kind()
    for each in status.details if status is not None else ():
        if each.Unpack(found):
            break
    return found


def info(error: grpc.aio.AioRpcError) -> Any:
    """The ErrorInfo of an error."""
    return detail(error, error_details_pb2.ErrorInfo)
