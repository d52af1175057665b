"""The loader against a members service that fails as killed processes do."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest

from laurel.common.v1 import error_reason_pb2
from laurel.members.v1 import members_pb2 as pb
from laurel.members.v1 import members_pb2_grpc
from libs.cli import retries
from libs.cli.cdnow import parse
from libs.cli.errors import CommandError, RefusedError
from libs.cli.loader import Loader
from libs.common.errors import Kind, Overloaded, Refusal
from libs.common.program import preset
from libs.common.rpc.errors import abort, refusal_status
from libs.common.rpc.time import moment

FILE = ["0001 19970101 2 29.33", "0002 19970102 1 9.99", "0001 19970103 1 5.00"]
STORE = "online"


class PartnerUnknown(Refusal):
    reason, kind, text = "PARTNER_UNKNOWN", Kind.NOT_FOUND, "no such partner"


class FakeMembers(members_pb2_grpc.MembersServiceServicer):
    """Knows events by their reference, and answers with what the test has put into `failures` first."""

    def __init__(self) -> None:
        self.failures: list[grpc.StatusCode | Refusal] = []
        self.rejects: set[str] = set()
        self.requests: list[Any] = []
        self.known: set[str] = set()

    async def RegisterMembers(
        self, request: pb.RegisterMembersRequest, context: Any
    ) -> pb.RegisterMembersResponse:
        await self._fail(request, context)
        results = [
            pb.RegisterMemberResult(member=pb.Member(member_id=each.external_member_id), created=True)
            for each in request.registrations
        ]
        return pb.RegisterMembersResponse(results=results)

    async def RecordEvents(self, request: pb.RecordEventsRequest, context: Any) -> pb.RecordEventsResponse:
        await self._fail(request, context)
        return pb.RecordEventsResponse(results=[self._result(event.external_ref) for event in request.events])

    def _result(self, ref: str) -> pb.EventResult:
        if ref in self.rejects:
            reason = error_reason_pb2.ERROR_REASON_EVENT_CONFLICT
            return pb.EventResult(outcome=pb.EVENT_OUTCOME_REJECTED, reason=reason, detail="first was 12ab")
        known = ref in self.known
        self.known.add(ref)
        return pb.EventResult(outcome=pb.EVENT_OUTCOME_DUPLICATE if known else pb.EVENT_OUTCOME_ACCEPTED)

    async def _fail(self, request: Any, context: Any) -> None:
        self.requests.append(request)
        if not self.failures:
            return
        failure = self.failures.pop(0)
        if isinstance(failure, Refusal):
            await abort(context, refusal_status(failure))
        await context.abort(failure, "killed")


@pytest.fixture
def members() -> FakeMembers:
    return FakeMembers()  # type: ignore[abstract]  # the methods that the loader calls


@pytest.fixture
async def loader(members: FakeMembers) -> AsyncIterator[Loader]:
    server = grpc.aio.server()
    members_pb2_grpc.add_MembersServiceServicer_to_server(members, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = members_pb2_grpc.MembersServiceStub(channel)
        clients: Any = SimpleNamespace(members=stub)
        yield Loader(clients, preset("music_store"), run_id="load_1", store_id=STORE)
    await server.stop(None)


def ignore(_: int) -> None:
    """Nobody watches."""


async def test_members_join_with_their_first_purchase_at_noon_of_the_program(
    members: FakeMembers, loader: Loader
) -> None:
    await loader.load(parse(FILE[::-1]), ignore)

    registrations = members.requests[0].registrations
    assert {each.external_member_id: moment(each.registered_time).date().day for each in registrations} == {
        "0001": 1,
        "0002": 2,
    }
    noon = datetime(1997, 1, 1, 12, tzinfo=ZoneInfo(preset("music_store").time_zone))
    event = next(each for each in members.requests[1].events if each.external_member_id == "0001")
    assert moment(event.occurred_time) == noon


async def test_new_members_join_at_the_store_that_is_named(members: FakeMembers, loader: Loader) -> None:
    await loader.load(parse(FILE), ignore)

    assert {each.store_id for each in members.requests[0].registrations} == {STORE}


async def test_every_row_is_counted(members: FakeMembers, loader: Loader) -> None:
    sent: Counter[str] = Counter()

    result = await loader.load(parse(FILE), lambda count: sent.update(rows=count))

    assert (result.accepted, result.duplicate, result.rejected) == (3, 0, [])
    assert result.members_created == 2
    assert sent["rows"] == 3


@pytest.mark.parametrize("code", sorted(retries.PASSING, key=str), ids=str)
async def test_a_call_that_fails_in_passing_is_made_again_under_its_request_id(
    members: FakeMembers, loader: Loader, code: grpc.StatusCode
) -> None:
    members.failures = [code, code]

    result = await loader.load(parse(FILE), ignore)

    assert result.accepted == 3
    assert [request.request_id for request in members.requests] == ["load_1.m0"] * 3 + ["load_1.e0.0"]
    assert members.requests[0] == members.requests[2]


async def test_the_delay_that_an_overloaded_service_asks_for_is_kept(
    members: FakeMembers, loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("libs.cli.retries.asyncio.sleep", sleep)
    members.failures = [Overloaded()]

    await loader.load(parse(FILE), ignore)

    assert pauses == [1.0]


async def test_a_lasting_refusal_is_told(members: FakeMembers, loader: Loader) -> None:
    members.failures = [grpc.StatusCode.PERMISSION_DENIED]

    with pytest.raises(CommandError, match="PERMISSION_DENIED"):
        await loader.load(parse(FILE), ignore)


async def test_an_unknown_partner_keeps_its_reason(members: FakeMembers, loader: Loader) -> None:
    members.failures = [PartnerUnknown()]

    with pytest.raises(RefusedError) as refusal:
        await loader.load(parse(FILE), ignore)

    assert refusal.value.reason == "PARTNER_UNKNOWN"


async def test_rejected_rows_are_listed_with_their_reason(members: FakeMembers, loader: Loader) -> None:
    purchases = parse(FILE)
    members.rejects = {purchases[1].external_ref}

    result = await loader.load(purchases, ignore)

    assert (result.accepted, result.duplicate) == (2, 0)
    assert result.rejected == [
        f"purchase of 0002 ({purchases[1].external_ref}): EVENT_CONFLICT first was 12ab"
    ]


async def test_a_file_that_is_known_is_all_duplicates(members: FakeMembers, loader: Loader) -> None:
    purchases = parse(FILE)
    members.known = {purchase.external_ref for purchase in purchases}

    result = await loader.load(purchases, ignore)

    assert (result.accepted, result.duplicate) == (0, 3)
