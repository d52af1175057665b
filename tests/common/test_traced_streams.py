"""Traces over streams: what an announcement causes stands below what caused the announcement."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode, format_span_id

from laurel.common.v1 import fact_pb2
from libs.common.clock import now
from libs.common.consumer import StreamConsumer
from libs.common.errors import Contention
from libs.common.outbox import outbox_row
from libs.common.redis import StreamMessage, stream_key
from libs.common.tracing import begin, go_on, incoming, traceparent
from tests.common.streams_world import GROUP, STREAM, Effects, Streams, a_member_of
from tests.support.telemetry import (
    SAMPLED,
    UNSAMPLED,
    Spans,
    id_of,
    metric,
    parent_of,
    recorded,
    trace_of,
)

ANN = a_member_of(3)
NAME = f"{STREAM} to {GROUP}"


@pytest.fixture(autouse=True)
def _outside_any_trace() -> Iterator[None]:
    go_on(INVALID_SPAN)
    yield
    go_on(INVALID_SPAN)


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as kept:
        yield kept


def place(number: int, flags: str = "01") -> str:
    """A place in a trace of its own."""
    return f"00-{number:032x}-{number:016x}-{flags}"


async def announce_in(streams: Streams, *places: str) -> None:
    """Announce the next of a member from each of these places, and send all at once."""
    relay = await streams.relay()
    for each in places:
        go_on(incoming(each) or INVALID_SPAN)
        await streams.announce(ANN)
    go_on(INVALID_SPAN)
    await streams.send_all(relay)


class Seen:
    """Applies, and notes from where in which trace it did."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.places: list[str] = []
        self.failure = failure

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        self.places.append(traceparent())
        if self.failure is not None:
            raise self.failure


async def reads(streams: Streams, seen: Seen) -> StreamConsumer:
    """A consumer whose group is there, and that has read once."""
    consumer = await streams.consumer(seen.apply)
    await streams.redis.xgroup_create(stream_key(STREAM, 3), GROUP, id="0", mkstream=True)
    await consumer._create_groups()
    await consumer.consume_once()
    return consumer


def linked(span: ReadableSpan) -> list[str]:
    return [format_span_id(link.context.span_id) for link in span.links]


# The outbox


def a_row() -> dict[str, object]:
    return outbox_row(fact_pb2.Fact(), member_id=ANN, change_seq=1, now=now())


def test_a_row_keeps_from_where_in_which_trace_it_was_announced(spans: Spans) -> None:
    span = begin("call", SpanKind.SERVER, incoming(SAMPLED))
    assert span is not None

    assert a_row()["traceparent"] == traceparent(span)


def test_a_row_of_a_trace_that_is_not_recorded_keeps_its_ids(spans: Spans) -> None:
    begin("call", SpanKind.SERVER, incoming(UNSAMPLED))

    assert a_row()["traceparent"] == UNSAMPLED


async def test_an_entry_says_from_where_in_which_trace_it_comes(streams: Streams) -> None:
    await announce_in(streams, SAMPLED)

    entries: Any = await streams.redis.xrange(stream_key(STREAM, 3))
    ((_, fields),) = entries
    assert fields[b"traceparent"] == SAMPLED.encode()


async def test_a_row_stored_before_there_were_traces_is_sent(streams: Streams) -> None:
    relay = await streams.relay()
    await streams.announce(ANN)
    await streams.database.outbox.update_many({}, {"$unset": {"traceparent": ""}})

    await streams.send_all(relay)

    assert await streams.sent_of(ANN) == [1]


# Consumers


async def test_what_one_announcement_causes_is_in_its_trace(streams: Streams, spans: Spans) -> None:
    seen = Seen()
    await announce_in(streams, place(1))

    await reads(streams, seen)

    span = spans.one(NAME)
    assert (span.kind, trace_of(span), parent_of(span)) == (SpanKind.CONSUMER, f"{1:032x}", f"{1:016x}")
    assert seen.places == [f"00-{1:032x}-{id_of(span)}-01"]
    assert dict(span.attributes or {}) == {"laurel.status": "OK", "messaging.batch.message_count": 1}


async def test_each_recorded_trace_of_a_batch_has_a_span_and_the_others_lead_to_the_first(
    streams: Streams, spans: Spans
) -> None:
    seen = Seen()
    await announce_in(streams, place(7, "00"), place(1), place(2), place(1), place(3), "")

    await reads(streams, seen)

    first, *others = spans.named(NAME)
    assert [trace_of(span) for span in (first, *others)] == [f"{number:032x}" for number in (1, 2, 3)]
    assert [linked(span) for span in (first, *others)] == [[], [id_of(first)], [id_of(first)]]
    assert seen.places == [f"00-{1:032x}-{id_of(first)}-01"]


async def test_a_batch_that_nobody_records_costs_no_span_and_has_the_ids_of_its_first(
    streams: Streams, spans: Spans
) -> None:
    seen = Seen()
    await announce_in(streams, place(7, "00"), place(8, "00"))

    await reads(streams, seen)

    assert spans.all() == []
    assert seen.places == [place(7, "00")]


@pytest.mark.parametrize("told", ["", "nonsense", "\ud7ff" * 50_000], ids=["none", "nonsense", "endless"])
async def test_a_batch_that_names_no_trace_begins_one(streams: Streams, spans: Spans, told: str) -> None:
    seen = Seen()
    await announce_in(streams, "")
    await streams.redis.xadd(stream_key(STREAM, 3), {"type": "Fact", "payload": b"", "traceparent": told})

    await reads(streams, seen)

    assert parent_of(spans.one(NAME)) is None
    assert len(seen.places) == 1


async def test_nothing_of_a_batch_is_left_when_it_is_done(streams: Streams, spans: Spans) -> None:
    seen = Seen()
    await announce_in(streams, place(1))
    consumer = await streams.consumer(seen.apply)

    await consumer._apply_lane({stream_key(STREAM, 3): [StreamMessage("0-1", "Fact", b"", ANN, place(1))]})

    assert traceparent() == ""


@pytest.mark.parametrize(
    ("failure", "status"),
    [(Contention(), "CONTENTION"), (KeyError("canary"), "KeyError")],
    ids=["a refusal", "a defect"],
)
async def test_a_batch_that_fails_says_why_and_nothing_of_the_exception(
    streams: Streams, spans: Spans, failure: Exception, status: str
) -> None:
    await announce_in(streams, place(1))

    await reads(streams, Seen(failure))

    span = spans.one(NAME)
    assert (span.attributes or {})["laurel.status"] == status
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())


async def test_a_dead_letter_stays_in_its_trace(
    streams: Streams, spans: Spans, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.consumer.ATTEMPTS_MAX", 0)
    await announce_in(streams, place(1))
    await reads(streams, Seen(KeyError()))
    spans.exporter.clear()

    repaired = await streams.consumer(effects.apply)
    assert await repaired.retry_dead_letters() == 1

    assert trace_of(spans.one(NAME)) == f"{1:032x}"
    assert await effects.of(ANN) == [1]


# What waits, as metrics


def waiting(name: str) -> float | None:
    return metric(name, stream=STREAM, group=GROUP)


async def test_what_a_group_has_not_read_and_not_acknowledged_is_told(streams: Streams) -> None:
    relay = await streams.relay(GROUP)
    await streams.announce(ANN, 5)
    await streams.send_all(relay)

    await relay._upkeep.trim()
    unmade = waiting("laurel_stream_lag"), waiting("laurel_stream_pending")
    key = stream_key(STREAM, 3)
    await streams.redis.xgroup_create(key, GROUP, id="0")
    answer: Any = await streams.redis.xreadgroup(GROUP, "reader", {key: ">"}, count=2)
    assert len(answer) == 1
    await relay._upkeep.trim()

    assert unmade == (5.0, 0.0)
    assert (waiting("laurel_stream_lag"), waiting("laurel_stream_pending")) == (3.0, 2.0)


async def test_what_another_replica_relays_and_tells_is_not_told_here(streams: Streams) -> None:
    relay = await streams.relay(GROUP)
    await relay._upkeep.trim()
    before = waiting("laurel_stream_lag")

    relay._upkeep._ours = lambda: False
    await relay._upkeep.keep()

    assert (before, waiting("laurel_stream_lag")) == (0.0, None)


async def test_how_long_the_oldest_unsent_announcement_waits_is_told(streams: Streams) -> None:
    relay = await streams.relay(GROUP)
    service = streams.database.name

    await relay._upkeep.measure()
    nothing = metric("laurel_outbox_age_seconds", service=service)
    await streams.announce(ANN, 2)
    oldest = await streams.database.outbox.find_one(sort=[("_id", 1)])
    assert oldest is not None
    await relay._upkeep.measure()

    age = metric("laurel_outbox_age_seconds", service=service)
    assert nothing == 0
    assert age is not None
    assert 0 <= age <= (now() - oldest["recorded_time"]).total_seconds()
    assert metric("laurel_outbox_unsent", service=service) == 2


async def test_dead_letters_are_told(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.consumer.ATTEMPTS_MAX", 0)
    await announce_in(streams, "")
    consumer = await reads(streams, Seen(KeyError()))

    await consumer._dead_letters.tell()

    assert metric("laurel_dead_letters", service=streams.database.name, stream=STREAM) == 1
