"""Traces of calls: continued or begun, recorded or not, with nothing in them but what may be."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode

from laurel.members.v1 import members_pb2_grpc
from libs.common.errors import Contention, Refusal, Unavailable
from libs.common.rpc.client import channel
from libs.common.tracing import ATTRIBUTES, begin, go_on, incoming, traceparent
from tests.common.rpc_world import METHOD, Batch, EdgeWorld, Request, Response, a_request, an_edge, error_of
from tests.support.builders import a_batch, a_purchase
from tests.support.services import Keys
from tests.support.telemetry import (
    CALLER,
    SAMPLED,
    TRACE,
    UNSAMPLED,
    id_of,
    metric,
    parent_of,
    recorded,
    trace_of,
)

NAME = METHOD.removeprefix("/")
STREAM = "laurel.members.v1.MembersService/StreamEvents"


@pytest.fixture
async def edge(keys: Keys) -> AsyncIterator[EdgeWorld]:
    """An edge that nobody's call was answered by before, not even by this test's neighbours."""
    go_on(INVALID_SPAN)
    serving, loop = an_edge(keys), asyncio.get_running_loop()
    yield await loop.create_task(serving.__aenter__(), context=contextvars.Context())
    await serving.__aexit__(None, None, None)


async def call(edge: EdgeWorld, *metadata: tuple[str, str]) -> None:
    """Call as somebody who is none of ours."""
    raw = edge.raw().unary_unary(METHOD, Request.SerializeToString, Response.FromString)
    await raw(a_request(), metadata=(*edge.metadata, *metadata))


def places_seen(edge: EdgeWorld) -> list[str]:
    """Notes where in which trace each call is answered."""
    seen: list[str] = []

    async def answer(request: Request, context: Any) -> Response:
        seen.append(traceparent())
        return Response()

    edge.profiles.answer = answer
    return seen


def status_of(span: ReadableSpan) -> tuple[object, StatusCode]:
    return (span.attributes or {})["laurel.status"], span.status.status_code


# Calls that we answer


async def test_a_call_that_names_no_trace_begins_one(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await call(edge)

    span = spans.one(NAME)
    assert (span.kind, parent_of(span)) == (SpanKind.SERVER, None)


async def test_a_call_that_names_a_recorded_trace_goes_on_with_it_whatever_our_own_share(
    edge: EdgeWorld,
) -> None:
    with recorded(ratio=0.0) as spans:
        await call(edge, ("traceparent", SAMPLED))

    span = spans.one(NAME)
    assert (trace_of(span), parent_of(span)) == (TRACE, CALLER)


async def test_a_call_of_a_trace_that_is_not_recorded_costs_no_span_and_keeps_its_ids(
    edge: EdgeWorld,
) -> None:
    seen = places_seen(edge)

    with recorded(ratio=1.0) as spans:
        await call(edge, ("traceparent", UNSAMPLED))

    assert spans.all() == []
    assert seen == [UNSAMPLED]


async def test_a_call_that_is_not_chosen_has_ids_of_its_own_and_no_span(edge: EdgeWorld) -> None:
    seen = places_seen(edge)

    with recorded(ratio=0.0) as spans:
        await call(edge)
        await call(edge)

    traces = {place.split("-")[1] for place in seen}
    assert spans.all() == []
    assert len(traces) == 2
    assert all(place.endswith("-00") for place in seen)


async def test_where_nothing_is_recorded_a_place_is_handed_on_as_it_is(edge: EdgeWorld) -> None:
    seen = places_seen(edge)

    await call(edge, ("traceparent", SAMPLED))

    assert seen == [SAMPLED]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{CALLER}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{CALLER}-01",
        f"00-{TRACE.upper()}-{CALLER}-01",
        f"{SAMPLED}-more",
        f"01-{TRACE}-{CALLER}-01-{'x' * 8000}",
    ],
    ids=["empty", "nonsense", "no trace", "no span", "no version", "capitals", "too much", "endless"],
)
async def test_what_is_no_traceparent_begins_a_trace_of_our_own(edge: EdgeWorld, value: str) -> None:
    with recorded() as spans:
        await call(edge, ("traceparent", value))

    span = spans.one(NAME)
    assert parent_of(span) is None
    assert trace_of(span) != TRACE


async def test_what_vendors_add_to_a_trace_is_left_behind(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await call(edge, ("traceparent", SAMPLED), ("tracestate", "shop=canary"), ("baggage", "name=canary"))

    assert trace_of(spans.one(NAME)) == TRACE
    assert "canary" not in spans.text()


@pytest.mark.parametrize("ratio", [0.01, 0.3])
def test_so_many_of_the_traces_that_begin_here_are_recorded(ratio: float) -> None:
    count = 10_000

    with recorded(ratio):
        begun = [contextvars.Context().run(begin, "call", SpanKind.SERVER, None) for _ in range(count)]

    share = sum(span is not None for span in begun) / count
    assert abs(share - ratio) < 6 * (ratio * (1 - ratio) / count) ** 0.5


async def test_a_span_says_how_the_call_ended_and_for_whom_and_no_more(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await call(edge)

    span = spans.one(NAME)
    assert dict(span.attributes or {}) == {
        "laurel.status": "OK",
        "laurel.caller_kind": "staff",
        "laurel.program_id": "music_store",
    }
    assert set(span.attributes or {}) <= ATTRIBUTES
    assert (span.events, span.links) == ((), ())


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Contention(), ("CONTENTION", StatusCode.UNSET)),
        (Unavailable(), ("UNAVAILABLE", StatusCode.ERROR)),
        (ValueError("canary"), ("INTERNAL", StatusCode.ERROR)),
    ],
    ids=["refused", "down", "a defect"],
)
async def test_a_span_of_a_call_that_failed_says_the_reason_and_nothing_of_the_exception(
    edge: EdgeWorld, failure: Exception, status: tuple[str, StatusCode]
) -> None:
    edge.profiles.refuse(failure)

    with recorded() as spans, pytest.raises(grpc.aio.AioRpcError):
        await call(edge)

    span = spans.one(NAME)
    assert status_of(span) == status
    assert (span.events, span.status.description) == ((), None)
    assert "canary" not in spans.text()


async def test_a_call_of_nobody_whom_we_know_is_traced_without_a_name(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await error_of(edge.stub(token="forged").BatchGetRiskProfiles(a_request()))

    assert dict(spans.one(NAME).attributes or {}) == {"laurel.status": "UNAUTHENTICATED"}


# Calls that we make


def asks_itself(edge: EdgeWorld, failure: Refusal | None = None) -> None:
    """Answers a call by making another one, which is answered at once."""
    stub = edge.stub()

    async def answer(request: Request, context: Any) -> Response:
        if len(edge.profiles.asked) > 1:
            if failure is not None:
                raise failure
            return Response()
        return await stub.BatchGetRiskProfiles(request)  # type: ignore[no-any-return]

    edge.profiles.answer = answer


async def test_a_call_that_a_call_makes_stands_below_it(edge: EdgeWorld) -> None:
    asks_itself(edge)

    with recorded() as spans:
        await call(edge, ("traceparent", SAMPLED))

    inner, made, outer = spans.named(NAME)
    assert [span.kind for span in (outer, made, inner)] == [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.SERVER]
    assert [parent_of(span) for span in (outer, made, inner)] == [CALLER, id_of(outer), id_of(made)]
    assert {trace_of(span) for span in (outer, made, inner)} == {TRACE}


async def test_a_call_that_an_unrecorded_call_makes_carries_its_ids(edge: EdgeWorld) -> None:
    asks_itself(edge)

    with recorded() as spans:
        await call(edge, ("traceparent", UNSAMPLED))
        seen = places_seen(edge)
        go_on(incoming(UNSAMPLED) or INVALID_SPAN)
        await edge.stub().BatchGetRiskProfiles(a_request())
        go_on(INVALID_SPAN)

    assert spans.all() == []
    assert seen == [UNSAMPLED]


async def test_a_call_outside_any_trace_names_none(edge: EdgeWorld) -> None:
    seen: list[Any] = []

    async def answer(request: Request, context: Any) -> Response:
        seen.extend(name for name, _ in context.invocation_metadata())
        return Response()

    edge.profiles.answer = answer

    await edge.stub().BatchGetRiskProfiles(a_request())

    assert "authorization" in seen
    assert "traceparent" not in seen


async def test_a_call_of_ours_that_failed_says_how(edge: EdgeWorld) -> None:
    asks_itself(edge, failure=Contention())

    with recorded() as spans, pytest.raises(grpc.aio.AioRpcError):
        await call(edge)

    (made,) = [span for span in spans.named(NAME) if span.kind is SpanKind.CLIENT]
    assert status_of(made) == ("ABORTED", StatusCode.ERROR)


def made(code: str) -> float:
    """How many calls of ours ended so."""
    return metric("laurel_rpc_client_seconds_count", method=NAME, code=code) or 0.0


async def test_calls_that_we_make_are_counted_by_their_end(edge: EdgeWorld) -> None:
    before = made("OK"), made("ABORTED")
    stub = edge.stub()
    await stub.BatchGetRiskProfiles(a_request())
    edge.profiles.refuse(Contention())

    await error_of(stub.BatchGetRiskProfiles(a_request()))

    assert (made("OK"), made("ABORTED")) == (before[0] + 1, before[1] + 1)


async def test_a_caller_that_stops_waiting_ends_its_call_on_the_other_side_too(edge: EdgeWorld) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    before = made("CANCELLED")

    async def answer(request: Request, context: Any) -> Response:
        begun.set()
        try:
            return await asyncio.Event().wait()  # type: ignore[return-value]
        finally:
            ended.set()

    edge.profiles.answer = answer
    waiting = asyncio.ensure_future(edge.stub().BatchGetRiskProfiles(a_request()))
    await asyncio.wait_for(begun.wait(), 5)

    waiting.cancel()

    await asyncio.wait_for(ended.wait(), 5)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert made("CANCELLED") == before + 1


# Streams


async def stream(edge: EdgeWorld, *request_ids: str, metadata: tuple[tuple[str, str], ...] = ()) -> None:
    """Send batches one after the other, on a channel that is none of ours."""
    raw: Any = edge.raw().stream_stream(f"/{STREAM}", Batch.SerializeToString)
    answers = raw(metadata=(*edge.till, *metadata))
    for request_id in request_ids:
        await answers.write(Batch(batch=a_batch(a_purchase("mem_1"), request_id=request_id)))
        await answers.read()
    await answers.done_writing()
    await answers.read()


async def test_each_request_of_a_stream_begins_a_trace(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await stream(edge, "one", "two")

    assert len({trace_of(span) for span in spans.all()}) == 2
    assert [span.name for span in spans.all()] == [f"{STREAM} request"] * 2


async def test_a_stream_of_a_traced_caller_is_all_in_its_trace(edge: EdgeWorld) -> None:
    with recorded() as spans:
        await stream(edge, "one", "two", metadata=(("traceparent", SAMPLED),))

    first, second, whole = spans.all()
    assert {trace_of(span) for span in spans.all()} == {TRACE}
    assert parent_of(whole) == CALLER
    assert parent_of(first) == parent_of(second) == id_of(whole)
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


async def test_a_request_that_fails_its_stream_ends_with_the_reason(edge: EdgeWorld) -> None:
    edge.streams.failure = Contention()

    with recorded() as spans:
        with pytest.raises(grpc.aio.AioRpcError):
            await stream(edge, "fine", "fails")
        await until(lambda: len(spans.all()) == 2)

    assert [status_of(span)[0] for span in spans.all()] == ["OK", "CONTENTION"]


async def test_a_stream_that_we_open_is_counted_and_traced_to_its_end(edge: EdgeWorld) -> None:
    async def batches() -> AsyncIterator[Batch]:
        yield Batch(batch=a_batch(a_purchase("mem_1"), request_id="one"))

    opened = channel(edge.address, token=edge.keys.token("partner", "shop"))
    stub: Any = members_pb2_grpc.MembersServiceStub(opened)
    with recorded() as spans:
        span = begin("job", SpanKind.INTERNAL, None)
        assert span is not None
        answers = [answer async for answer in stub.StreamEvents(batches())]
        await until(lambda: len(spans.named(STREAM)) == 2)
        go_on(INVALID_SPAN)
    await opened.close()

    client = next(each for each in spans.named(STREAM) if each.kind is SpanKind.CLIENT)
    server = next(each for each in spans.named(STREAM) if each.kind is SpanKind.SERVER)
    assert len(answers) == 1
    assert parent_of(server) == id_of(client)
    assert metric("laurel_rpc_client_seconds_count", method=STREAM, code="OK") == 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)
