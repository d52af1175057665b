"""Audit records: one for each act that was done, none for what was not, and nothing personal in any."""

import asyncio
import json
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags

from laurel.common.v1 import audit_pb2
from laurel.members.v1 import members_pb2 as pb
from laurel.risk.v1 import reports_pb2, risk_pb2
from libs.common.audit.record import record_digest
from libs.common.audit.records import record_from
from libs.common.audit.trail import OBJECTS_MAX, TEXT_BYTES_MAX, Auditor
from libs.common.errors import Forbidden
from libs.common.ids import new_id
from libs.common.mongo import Document
from libs.common.rpc.time import timestamp
from libs.common.tracing import go_on
from tests.common.audit_world import ANN, AuditWorld
from tests.support.builders import NOON, PROGRAM

pytestmark = pytest.mark.usefixtures("_a_caller_with_time")

MEMBERS = sorted(new_id("mem") for _ in range(3))


async def test_an_act_is_recorded_with_who_did_what_to_what(audited: AuditWorld) -> None:
    await audited.act(
        "r1", objects=["online", "mem_1", "online"], reason="moved", before={"b": 1, "a": [True]}, after=None
    )

    (record,) = await audited.records()
    found = record_from(record)
    assert (found.actor.kind, found.actor.subject, found.actor.roles) == ("staff", "ann", ANN.roles)
    assert (found.act, found.program_id, found.request_id) == ("CreateStore", PROGRAM, "r1")
    assert (found.objects, found.reason) == (("mem_1", "online"), "moved")
    assert (found.before, found.after) == ('{"a":[true],"b":1}', "")
    assert found.record_id.startswith("aud_")
    assert found.digest == record_digest(found)
    assert (found.position, found.chain_hash, record["unsequenced"]) == (0, "", True)


async def test_a_record_names_the_trace_of_its_call(audited: AuditWorld) -> None:
    position = SpanContext(0xAB, 0xCD, is_remote=False, trace_flags=TraceFlags.get_default())
    go_on(NonRecordingSpan(position))
    await audited.act("in a trace")
    go_on(INVALID_SPAN)
    await audited.act("in none")

    found = {each["request_id"]: each["trace_id"] for each in await audited.records()}
    assert found == {"in a trace": f"{0xAB:032x}", "in none": ""}


async def test_the_same_request_twice_in_a_row_is_one_record(audited: AuditWorld) -> None:
    await audited.act("r1")
    await audited.act("r1")

    assert len(await audited.records()) == 1


async def test_the_same_request_ten_times_at_once_is_one_record(audited: AuditWorld) -> None:
    await asyncio.gather(*(audited.act("r1") for _ in range(10)))

    assert len(await audited.records()) == 1


async def test_eight_acts_at_once_are_eight_records(audited: AuditWorld) -> None:
    await asyncio.gather(*(audited.act() for _ in range(8)))

    assert len({each["request_id"] for each in await audited.records()}) == 8


async def test_a_refused_act_leaves_no_record(audited: AuditWorld) -> None:
    with pytest.raises(Forbidden):
        await audited.act(fails=Forbidden())

    assert await audited.records() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "x" * (TEXT_BYTES_MAX + 1)},
        {"after": {"text": "x" * TEXT_BYTES_MAX}},
        {"objects": [f"mem_{number}" for number in range(OBJECTS_MAX + 1)]},
    ],
    ids=["reason", "after", "objects"],
)
async def test_what_does_not_fit_into_a_record_is_a_defect_of_ours(
    audited: AuditWorld, fields: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="record holds"):
        await audited.act(**fields)

    assert await audited.records() == []


@pytest.mark.parametrize("value", [1.5, NOON, b"x"], ids=["a float", "a time", "bytes"])
async def test_contents_are_plain(audited: AuditWorld, value: object) -> None:
    with pytest.raises(TypeError):
        await audited.act(after={"value": value})

    assert await audited.records() == []


# Reads


async def read(audited: AuditWorld, message: Message, method: str = "x.Service/Get") -> Document:
    await Auditor(audited.database, audited.now).read([(ANN, method, message, None)])
    (record,) = await audited.records()
    return record


async def test_a_list_is_recorded_with_the_members_whom_it_showed(audited: AuditWorld) -> None:
    request = pb.ListMembersRequest(program_id=PROGRAM, page_size=2)
    answer = pb.ListMembersResponse(members=[pb.Member(member_id=each) for each in MEMBERS])

    await Auditor(audited.database, audited.now).read([(ANN, "x.Service/ListMembers", request, answer)])

    (record,) = await audited.records()
    assert record["objects"] == MEMBERS


async def test_a_read_is_recorded_with_whom_it_was_about(audited: AuditWorld) -> None:
    message = pb.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[*reversed(MEMBERS), MEMBERS[0]])

    record = await read(audited, message, "laurel.members.v1.MembersService/BatchGetMembers")

    assert (record["act"], record["program_id"], record["request_id"]) == ("BatchGetMembers", PROGRAM, "")
    assert record["actor"] == {"kind": "staff", "subject": "ann", "roles": list(ANN.roles)}
    assert (record["objects"], record["after"]) == (MEMBERS, "")
    assert record["digest"] == record_digest(record_from(record))


async def test_ids_are_found_however_deep_they_are(audited: AuditWorld) -> None:
    keys = [pb.FactsKey(member_id=each, as_of=timestamp(NOON)) for each in MEMBERS]

    record = await read(audited, pb.BatchGetFactsRequest(program_id=PROGRAM, keys=keys))

    assert record["objects"] == MEMBERS


FILTERS: list[tuple[str, Message, dict[str, Any]]] = [
    (
        "numbers and keys",
        pb.ListMembersRequest(page_size=20, page_token="x", tier=pb.TierFilter(tier_set="main", tier="gold")),
        {"page_size": 20, "tier": {"tier_set": "main", "tier": "gold"}},
    ),
    (
        "enums by name",
        risk_pb2.ListReportsRequest(status=reports_pb2.REPORT_STATUS_OPEN),
        {"status": "REPORT_STATUS_OPEN"},
    ),
    (
        "times",
        audit_pb2.ListAuditRecordsRequest(actor="ann", since_time=timestamp(NOON)),
        {"actor": "ann", "since_time": "1998-03-02T12:00:00.000+00:00"},
    ),
    (
        "numbers beyond what JSON holds",
        pb.ListMemberEventsRequest(member_id=MEMBERS[0], after_seq=2**60),
        {"after_seq": str(2**60)},
    ),
]


@pytest.mark.parametrize(
    ("message", "filters"), [each[1:] for each in FILTERS], ids=[each[0] for each in FILTERS]
)
async def test_a_read_is_recorded_with_what_it_filtered_by(
    audited: AuditWorld, message: Message, filters: dict[str, Any]
) -> None:
    record = await read(audited, message)

    assert json.loads(record["after"]) == filters


@pytest.mark.parametrize(
    "message",
    [
        pb.BatchGetMembersRequest(member_ids=["张伟", "+8613812345678", "ann@example.com", "mem_1"]),
        risk_pb2.ListReportsRequest(member_id="+8613812345678"),
        pb.BatchGetFactsRequest(names=["+8613812345678"]),
    ],
    ids=["among ids", "as an id", "among names"],
)
async def test_what_somebody_typed_is_not_recorded(audited: AuditWorld, message: Message) -> None:
    record = await read(audited, message)

    assert (record["objects"], record["after"]) == ([], "")


async def test_a_read_that_names_no_program_is_of_the_readers_own(audited: AuditWorld) -> None:
    assert (await read(audited, pb.GetPipelineStatusRequest()))["program_id"] == PROGRAM
