"""AuditService: the log a page at a time, to those who may read it, of their own program."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from laurel.common.v1 import audit_pb2 as pb
from laurel.common.v1 import audit_pb2_grpc
from libs.common.audit.log import AuditLog, Filters
from libs.common.audit.messages import head_message, head_of, record_message, record_of
from libs.common.audit.records import record_from
from libs.common.audit.service import AuditServicer
from libs.common.audit.trail import Auditor
from libs.common.chains.documents import head_from
from libs.common.chains.reading import Place
from libs.common.clock import now
from libs.common.paging import page_token
from libs.common.rpc.client import channel
from libs.common.rpc.errors import reason_of
from libs.common.rpc.time import timestamp
from libs.common.settings import ServiceSettings
from tests.common.audit_world import AUDIT_SERVICE, AuditWorld
from tests.support.builders import NOON, PROGRAM
from tests.support.services import Keys, serving

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")


async def pages(audited: AuditWorld, **fields: Any) -> AsyncIterator[pb.ListAuditRecordsResponse]:
    request = pb.ListAuditRecordsRequest(program_id=PROGRAM, **fields)
    stub = audited.caller()
    while True:
        page = await stub.ListAuditRecords(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def listed(audited: AuditWorld, **fields: Any) -> list[pb.AuditRecord]:
    return [record async for page in pages(audited, **fields) for record in page.records]


async def test_records_come_in_the_order_of_the_chain_and_those_that_wait_last(audited: AuditWorld) -> None:
    await audited.acts(2)
    await audited.acts_unchained(2)

    found = await listed(audited)

    assert [each.position for each in found] == [1, 2, 0, 0]
    assert found == [record_message(record_from(each)) for each in await audited.records()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_pages_of_any_size_have_every_record_once(audited: AuditWorld, size: int) -> None:
    await audited.acts(4)
    await audited.acts_unchained(3)

    found = [page async for page in pages(audited, page_size=size)]

    ids = [record.record_id for page in found for record in page.records]
    assert ids == [each["_id"] for each in await audited.records()]
    assert max(len(page.records) for page in found) <= size
    assert (found[-1].position, found[-1].position_last) == (4, 4)


async def test_a_record_that_gets_its_place_between_two_pages_is_not_left_out(audited: AuditWorld) -> None:
    await audited.acts(1)
    await audited.acts_unchained(3)
    found = []

    async for page in pages(audited, page_size=2):
        found += [each.record_id for each in page.records]
        await audited.sequencer().sweep()

    assert set(found) == {each["_id"] for each in await audited.records()}


async def test_pages_that_are_read_while_records_are_written_have_every_older_record(
    audited: AuditWorld,
) -> None:
    await audited.acts(3)
    before = {each["_id"] for each in await audited.records()}

    async def writes() -> None:
        for _ in range(20):
            await audited.act()
            await audited.sequencer().sweep()

    writing = asyncio.create_task(writes())
    found = {record.record_id for record in await listed(audited, page_size=1)}
    await writing

    assert before <= found


SEARCHES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("everything", {}, ["r1", "r2", "r3"]),
    ("an actor", {"actor": "ann"}, ["r1", "r2", "r3"]),
    ("nobody", {"actor": "eve"}, []),
    ("an act", {"act": "CreateStore"}, ["r1", "r2", "r3"]),
    ("an act that nobody did", {"act": "DeleteStore"}, []),
    ("an object", {"object": "offline"}, ["r2"]),
    ("one of several objects", {"object": "online"}, ["r1", "r3"]),
    ("from a time on", {"since_time": timestamp(NOON + timedelta(hours=1))}, ["r2", "r3"]),
    ("before a time", {"until_time": timestamp(NOON + timedelta(hours=2))}, ["r1", "r2"]),
    ("all at once", {"actor": "ann", "object": "online", "until_time": timestamp(NOON)}, []),
]


@pytest.mark.parametrize(
    ("fields", "ids"), [each[1:] for each in SEARCHES], ids=[each[0] for each in SEARCHES]
)
async def test_a_search_finds_what_matches(
    audited: AuditWorld, fields: dict[str, Any], ids: list[str]
) -> None:
    for number, objects in enumerate((["online"], ["offline"], ["east", "online"])):
        audited.now = lambda number=number: NOON + timedelta(hours=number)  # type: ignore[misc]
        await audited.act(f"r{number + 1}", objects=objects)
        if number < 2:
            await audited.sequencer().sweep()

    assert [each.request_id for each in await listed(audited, **fields)] == ids


async def test_a_page_looks_at_so_many_positions_and_says_how_far_it_came(
    audited: AuditWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.chains.reading.SCANNED_MAX", 2)
    await audited.acts(4)
    await audited.act(objects=["offline"])

    found = [page async for page in pages(audited, object="offline")]

    assert [(page.position, len(page.records)) for page in found] == [(2, 0), (4, 1)]
    assert {page.position_last for page in found} == {4}


async def test_a_gap_of_any_width_costs_one_page(audited: AuditWorld) -> None:
    await audited.acts(3)
    await audited.database.audit.update_one({"position": 3}, {"$set": {"position": 10**15}})

    found = [page async for page in pages(audited)]

    assert [[each.position for each in page.records] for page in found] == [[1, 2], [10**15]]


@pytest.mark.parametrize("size", [1, 2, 10])
async def test_heads_come_in_order_from_a_position_on(audited: AuditWorld, size: int) -> None:
    await audited.acts(4)
    stub, after, found, more = audited.caller(), 1, list[pb.AuditHead](), True

    while more:
        request = pb.ListAuditHeadsRequest(program_id=PROGRAM, after_position=after, page_size=size)
        page = await stub.ListAuditHeads(request)
        found += page.heads
        after, more = page.heads[-1].position, page.more

    stored = audited.database.audit_heads.find({"position": {"$gt": 1}}).sort("position", 1)
    assert found == [head_message(head_from(each)) async for each in stored]
    assert [each.position for each in found] == [2, 3, 4]


async def test_messages_say_what_records_and_heads_say(audited: AuditWorld) -> None:
    await audited.act(reason="why", before={"a": 1}, after={"a": 2})
    await audited.sequencer().sweep()
    (document,) = await audited.records()
    head = await audited.database.audit_heads.find_one({})
    assert head is not None

    assert record_of(record_message(record_from(document))) == record_from(document)
    assert head_of(head_message(head_from(head))) == head_from(head)


# Who may read


Call = Callable[[Any, str], Awaitable[Any]]


async def list_records(stub: Any, program_id: str) -> Any:
    return await stub.ListAuditRecords(pb.ListAuditRecordsRequest(program_id=program_id))


async def list_heads(stub: Any, program_id: str) -> Any:
    return await stub.ListAuditHeads(pb.ListAuditHeadsRequest(program_id=program_id))


@pytest.mark.parametrize("call", [list_records, list_heads])
async def test_another_programs_log_answers_like_one_that_does_not_exist(
    audited: AuditWorld, call: Call
) -> None:
    await audited.acts(1, program_id="other_store")

    with pytest.raises(grpc.aio.AioRpcError) as foreign:
        await call(audited.caller(), "other_store")
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await call(audited.caller(), "no_such_store")

    told = [(each.value.code(), reason_of(each.value)) for each in (foreign, missing)]
    assert told == [(grpc.StatusCode.NOT_FOUND, "PROGRAM_UNKNOWN")] * 2


async def test_nothing_of_another_program_is_listed(audited: AuditWorld) -> None:
    await audited.acts(2, program_id="other_store")
    await audited.act(program_id="other_store")

    heads = await list_heads(audited.caller(), PROGRAM)

    assert (await listed(audited), list(heads.heads)) == ([], [])


@pytest.mark.parametrize("call", [list_records, list_heads])
@pytest.mark.parametrize("role", ["analyst", "consultant", "store_manager", "operations_manager"])
async def test_who_is_no_officer_may_not_read(audited: AuditWorld, role: str, call: Call) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call(audited.caller(roles=[role]), PROGRAM)

    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_reading_the_log_is_recorded_in_it(audited: AuditWorld, keys: Keys) -> None:
    settings = ServiceSettings(development=True, port=0, metrics_port=0, key_set_file=keys.key_set_file)
    register = audit_pb2_grpc.add_AuditServiceServicer_to_server
    servicer = AuditServicer(AuditLog(audited.database))
    auditor = Auditor(audited.database, now)
    async with serving(settings, register, servicer, auditor=auditor) as address:
        reading = channel(address, AUDIT_SERVICE, token=keys.token("staff", "cleo"))
        stub = audit_pb2_grpc.AuditServiceStub(reading)
        first = await stub.ListAuditRecords(pb.ListAuditRecordsRequest(program_id=PROGRAM, act="CreateStore"))
        second = await stub.ListAuditRecords(pb.ListAuditRecordsRequest(program_id=PROGRAM))
        await reading.close()

    assert list(first.records) == []
    (record,) = second.records
    assert (record.act, record.actor.subject, record.after) == (
        "ListAuditRecords",
        "cleo",
        '{"act":"CreateStore"}',
    )


# Page tokens


@pytest.mark.parametrize("after", ["", "1", "x/aud_1", "-1/", "1" * 19 + "/", "1.5/", "1/" + "x" * 200])
async def test_a_page_token_of_no_place_is_refused(audited: AuditWorld, after: str) -> None:
    filters = (PROGRAM, "", "", "", "None", "None")

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await listed(audited, page_token=page_token(after, *filters))

    assert reason_of(refusal.value) == "PAGE_TOKEN_INVALID"


async def test_a_page_token_of_another_search_is_refused(audited: AuditWorld) -> None:
    await audited.acts(2)
    stub = audited.caller()
    first = await stub.ListAuditRecords(pb.ListAuditRecordsRequest(program_id=PROGRAM, page_size=1))

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await listed(audited, page_token=first.next_page_token, actor="ann")

    assert reason_of(refusal.value) == "PAGE_TOKEN_INVALID"


async def test_a_place_behind_the_end_is_the_end(audited: AuditWorld) -> None:
    await audited.acts(1)

    page = await AuditLog(audited.database).records(Filters(PROGRAM), after=Place(99), limit=10)

    assert (page.records, page.following, page.position) == ([], None, 1)
