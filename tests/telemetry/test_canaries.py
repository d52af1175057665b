"""Nothing that callers write, and no token, is in logs, spans or metrics, whatever goes wrong."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from opentelemetry.trace import INVALID_SPAN
from prometheus_client import Counter
from pymongo.errors import DuplicateKeyError

from laurel.members.v1 import events_pb2, members_pb2
from laurel.risk.v1 import reports_pb2, risk_pb2
from libs.common.caller import PrincipalKind
from libs.common.redis import stream_key
from libs.common.telemetry import log
from libs.common.tracing import ATTRIBUTES, go_on, here
from services.members.handlers.reads import ReadHandlers
from tests.support.builders import NOON, PROGRAM, a_batch, a_purchase, a_registration_request, an_event
from tests.support.telemetry import Logs, Spans, logged, recorded
from tests.telemetry.canaries import Canaries, found
from tests.telemetry.conftest import STUBS, Whole, until

TIMES = 4
KINDS: tuple[PrincipalKind, ...] = ("member", "partner", "service", "staff")


@pytest.fixture
def spans() -> Iterator[Spans]:
    go_on(INVALID_SPAN)
    with recorded() as kept:
        yield kept


@pytest.fixture
def logs() -> Iterator[Logs]:
    with logged() as kept:
        yield kept


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def caller(whole: Whole, canaries: Canaries, service: str, kind: PrincipalKind, subject: str) -> Any:
    """A stub whose token is a canary too."""
    token = whole.keys.token(kind, subject, None if kind == "service" else PROGRAM)
    canaries.keep(token(), f"the token of a {kind}")
    return whole.stub(service, token)


async def works(whole: Whole, canaries: Canaries) -> None:
    """A day of a shop, all of which succeeds or is refused as it should be."""
    new = canaries.new
    shop, ann = new("partner_id"), new("subject")
    await whole.admit(shop, store=f"店 {new('display_name')}", partner=new("display_name"))
    till = caller(whole, canaries, "members", "partner", shop)
    ids = [new("external_member_id") for _ in range(10)]
    registered = await till.RegisterMembers(a_registration_request(*ids, request_id=new("request_id")))
    members = [result.member.member_id for result in registered.results]
    for _ in range(5):
        await till.RecordEvents(
            a_batch(
                *(
                    a_purchase(
                        member, ref=new("external_ref"), attributes={"note": f"备注 {new('attributes')}"}
                    )
                    for member in members
                ),
                request_id=new("request_id"),
            ),
            metadata=(("tracestate", f"v={new('tracestate')}"), ("x-shop", new("metadata"))),
        )
    await refused_events(till, canaries, members[0])
    await whole.drained()
    await reported(whole, canaries, members, officer=ann)


async def refused_events(till: Any, canaries: Canaries, member: str) -> None:
    """Events that nobody can take: twice with another payload, of nobody, refunds of nothing."""
    new = canaries.new
    ref, request_id = new("external_ref"), new("request_id")
    await till.RecordEvents(a_batch(a_purchase(member, ref=ref), request_id=request_id))
    nobody = events_pb2.Event(
        kind=events_pb2.EVENT_KIND_LOGIN,
        external_member_id=new("external_member_id"),
        external_ref=new("external_ref"),
    )
    nobody.occurred_time.FromDatetime(NOON)
    refund = an_event(
        member, events_pb2.EVENT_KIND_REFUND, ref=new("external_ref"), amount_minor=1, currency="USD"
    )
    refund.original.external_ref = new("original")
    answer = await till.RecordEvents(
        a_batch(a_purchase(member, 77, ref=ref), nobody, refund, request_id=new("request_id"))
    )
    assert {result.outcome for result in answer.results} == {members_pb2.EVENT_OUTCOME_REJECTED}
    other = a_batch(a_purchase(member, 78, ref=new("external_ref")), request_id=request_id)
    with pytest.raises(grpc.aio.AioRpcError, match="another payload"):
        await till.RecordEvents(other)


async def reported(whole: Whole, canaries: Canaries, members: list[str], *, officer: str) -> None:
    """Members who report another, and an officer who dismisses it."""
    new = canaries.new
    for reporter in members[1:4]:
        report = await caller(whole, canaries, "risk", "member", reporter).ReportMember(
            risk_pb2.ReportMemberRequest(
                program_id=PROGRAM,
                request_id=new("request_id"),
                member_id=members[0],
                reason=reports_pb2.REPORT_REASON_OTHER,
                note=f"他说 {new('note')}\r\n\x1b[31m",
            )
        )
    await caller(whole, canaries, "risk", "staff", officer).DecideReport(
        risk_pb2.DecideReportRequest(
            program_id=PROGRAM,
            request_id=new("request_id"),
            report_id=report.report.report_id,
            decision=reports_pb2.REPORT_DECISION_DISMISS,
            explanation=new("explanation"),
        )
    )
    await whole.drained()


async def call(stub: Any, method: MethodDescriptor, message: Message) -> None:
    """Call any method, whatever comes of it."""

    async def one() -> AsyncIterator[Message]:
        yield message

    made = getattr(stub, method.name)
    with suppress(grpc.aio.AioRpcError):
        if method.client_streaming:
            async for _ in made(one(), timeout=5):
                pass
        elif method.server_streaming:
            async for _ in made(message, timeout=5):
                pass
        else:
            await made(message, timeout=5)


async def every_method(whole: Whole, canaries: Canaries, name: str) -> None:
    """Call each method as everybody and as nobody, with a canary in every text."""
    stubs = [caller(whole, canaries, name, kind, canaries.new("subject")) for kind in KINDS]
    forged = f"{canaries.new('token')}.{canaries.new('token')}.{canaries.new('token')}"
    for stub in (*stubs, whole.stub(name, lambda: forged)):
        for method in [*STUBS[name][0].methods] * TIMES:
            await call(stub, method, canaries.filled(method.input_type))


async def goes_wrong(whole: Whole, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defects and broken messages, whose exceptions quote what they failed on."""
    staff = caller(whole, canaries, "members", "staff", canaries.new("subject"))
    request = members_pb2.BatchGetMembersRequest(program_id=PROGRAM, member_ids=["mem_1"])

    def raising(error: Exception) -> Callable[..., Any]:
        async def fail(*_: Any, **__: Any) -> None:
            raise error from ValueError(canaries.new("cause"))

        return fail

    for error in (
        DuplicateKeyError(f'dup key: {{ external_id: "{canaries.new("driver")}" }}', 11000),
        KeyError(canaries.new("defect")),
        ExceptionGroup(canaries.new("group"), [TypeError(canaries.new("member of a group"))]),
    ):
        monkeypatch.setattr(ReadHandlers, "members", raising(error))
        with pytest.raises(grpc.aio.AioRpcError, match="internal error"):
            await staff.BatchGetMembers(request)
    monkeypatch.undo()
    await forgotten(canaries)
    await poison(whole, canaries, monkeypatch)


async def forgotten(canaries: Canaries) -> None:
    """A task whose exception nobody fetches."""

    async def fail() -> None:
        raise ValueError(canaries.new("task"))

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()


async def poison(whole: Whole, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries on the stream that are no messages, or not of a program that there is."""
    monkeypatch.setattr("libs.common.consumer.ATTEMPTS_MAX", 0)
    redis = whole.platforms["benefits"].redis
    key = stream_key("members.events", 3)
    unknown = events_pb2.MemberRegistered(
        program_id=canaries.new("program_id"), member_id=canaries.new("member")
    )
    entries: list[dict[Any, Any]] = [
        {"type": "FactsChanged", "payload": canaries.new("payload")},
        {"type": canaries.new("type"), "payload": canaries.new("payload")},
        {"type": "MemberRegistered", "payload": unknown.SerializeToString()},
        {"type": "FactsChanged", "payload": b"\xff", "traceparent": canaries.new("traceparent")},
    ]
    for entry in entries:
        await redis.xadd(key, {"subject": "mem_1", **entry})
    letters = whole.platforms["benefits"].database.dead_letters

    async def kept() -> bool:
        return await letters.count_documents({}) >= 3

    await until(kept)
    monkeypatch.undo()


async def test_nothing_that_callers_write_is_in_logs_spans_or_metrics(
    whole: Whole, canaries: Canaries, logs: Logs, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    await works(whole, canaries)
    for name in STUBS:
        await every_method(whole, canaries, name)
    await goes_wrong(whole, canaries, monkeypatch)

    assert found(canaries, logs, spans) == {}
    assert len(canaries.places) > 1_000
    assert {line["event"] for line in logs.lines()} >= {"defect", "denied", "dead letter"}
    methods = {
        f"{service.full_name}/{each.name}" for service, _ in STUBS.values() for each in service.methods
    }
    assert methods <= {span.name.removesuffix(" request") for span in spans.all()}
    assert {key for span in spans.all() for key in span.attributes or {}} <= ATTRIBUTES
    assert not any(span.events for span in spans.all())


LEAK = Counter("test_leaks_total", "Where this test puts what must be found.", ["name"])


def to_logs(canary: str) -> None:
    log("test").info("registered", name=f"名字\r\n{canary}")


def to_a_line_of_a_library(canary: str) -> None:
    logging.getLogger("some.library").warning("of %s", canary)


def to_a_span(canary: str) -> None:
    here().set_attribute("member.name", canary.upper())


def to_an_event_of_a_span(canary: str) -> None:
    here().record_exception(ValueError(canary))


def to_metrics(canary: str) -> None:
    LEAK.labels(canary).inc()


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (to_logs, "logs"),
        (to_a_line_of_a_library, "logs"),
        (to_a_span, "spans"),
        (to_an_event_of_a_span, "spans"),
        (to_metrics, "metrics"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
async def test_a_leak_would_be_found(
    whole: Whole,
    canaries: Canaries,
    logs: Logs,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
    leak: Callable[[str], None],
    where: str,
) -> None:
    canary = canaries.new("member_ids")
    before = ReadHandlers.members

    async def leaking(self: ReadHandlers, program_id: str, member_ids: list[str]) -> Any:
        leak(member_ids[0])
        return await before(self, program_id, member_ids)

    monkeypatch.setattr(ReadHandlers, "members", leaking)
    request = members_pb2.BatchGetMembersRequest(program_id=PROGRAM, member_ids=[canary])
    await whole.caller("members", "service").BatchGetMembers(request)

    assert found(canaries, logs, spans) == {canary: f"member_ids is in {where}"}
    LEAK.clear()
