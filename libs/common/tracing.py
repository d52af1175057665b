"""Traces: whether one is recorded is decided before a span is made, so other calls carry its ids and no more.

Spans hold what ATTRIBUTES names: never tokens, payloads, or what members are called.
"""

import random
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Self

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.common.caller import Principal
from libs.common.errors import Refusal

TRACEPARENT = "traceparent"
STATUS, CALLER_KIND, PROGRAM_ID = "laurel.status", "laurel.caller_kind", "laurel.program_id"
MESSAGES = "messaging.batch.message_count"
ATTRIBUTES = frozenset({STATUS, CALLER_KIND, PROGRAM_ID, MESSAGES})
CANCELLED = "CANCELLED"

# W3C's is 55 long. Longer ones of later versions begin a trace of our own, and are not even looked at.
_TRACEPARENT_LENGTH_MAX = 128
_PROPAGATOR = TraceContextTextMapPropagator()
_IDS = RandomIdGenerator()


class _Recorder:
    """Where this process keeps spans, and of which share of the traces that begin here."""

    tracer: Tracer | None = None
    ratio = 0.0
    # The place that was written down last: the rows of a batch all ask for the same one.
    told: tuple[Span, str] = (INVALID_SPAN, "")


_recorder = _Recorder()
# Not in the library's own context, which may hold more than a span: to make one takes a call longer than
# all else that tracing does for it.
_here: ContextVar[Span] = ContextVar("span", default=INVALID_SPAN)


def record(service: str, ratio: float, *processors: SpanProcessor) -> TracerProvider:
    """From now on hand the spans of recorded traces to these processors; to none, and there are none."""
    # Whoever asks the tracer for a span has decided; and we end it ourselves, so it need not end us at exit.
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False
    )
    for processor in processors:
        provider.add_span_processor(processor)
    _recorder.tracer = provider.get_tracer("laurel") if processors else None
    _recorder.ratio = ratio
    return provider


def here() -> Span:
    """The span that this task works in, recorded or not; INVALID_SPAN outside any trace."""
    return _here.get()


def go_on(span: Span) -> None:
    """Work in this span from now on."""
    _here.set(span)


def incoming(traceparent: str) -> Span | None:
    """The place in a trace from which a caller asks us to go on; None where it names none that is valid.

    Vendors' tracestate is left behind: it may hold anything.
    """
    if not traceparent or len(traceparent) > _TRACEPARENT_LENGTH_MAX:
        return None
    span = get_current_span(_PROPAGATOR.extract({TRACEPARENT: traceparent}))
    return span if span.get_span_context().is_valid else None


def begin(name: str, kind: SpanKind, parent: Span | None) -> Span | None:
    """Go on from a place, or begin a trace, for all that this task does from now on.

    Gives the span, if the trace is recorded. Nothing is put back at its end:
    each call has a task of its own.
    """
    place, span = _opened(name, kind, parent)
    _here.set(place)
    return span


def child(name: str, kind: SpanKind) -> Span | None:
    """A span below the present one, if that is recorded."""
    above = _here.get()
    if _recorder.tracer is None or not above.is_recording():
        return None
    return _recorder.tracer.start_span(name, _below(above), kind)


def traceparent(span: Span | None = None) -> str:
    """From where others go on: this span, or else where this task is; empty outside any trace."""
    place = _here.get() if span is None else span
    known, text = _recorder.told
    if known is not place:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, _below(place))
        text = carrier.get(TRACEPARENT, "")
        _recorder.told = place, text
    return text


def finish(span: Span, status: str, *, failed: bool, principal: Principal | None = None) -> None:
    """End a span, with how its work ended and for whom it was done."""
    span.set_attribute(STATUS, status)
    if principal is not None:
        span.set_attribute(CALLER_KIND, principal.kind)
    if principal is not None and principal.program_id is not None:
        span.set_attribute(PROGRAM_ID, principal.program_id)
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end()


class Continued:
    """Work that messages of several traces ask for at once.

    Each recorded trace gets a span, which says when its message was worked on
    and how that ended. What the work calls and announces goes on from the
    first one, to which the others are linked: a batch is one piece of work,
    so a span per message would show each of them as having done all of it.
    """

    def __init__(self, name: str, traceparents: Sequence[str]) -> None:
        self._messages, self._status = len(traceparents), "OK"
        places = [place for each in dict.fromkeys(traceparents) if (place := incoming(each)) is not None]
        recorded = [place for place in places if place.get_span_context().trace_flags.sampled]
        first = next(iter(recorded or places), None)
        self._place, span = _opened(name, SpanKind.CONSUMER, first)
        self._spans = [] if span is None else [span, *_linked(name, recorded[1:], span)]

    def __enter__(self) -> Self:
        self._before = _here.set(self._place)
        return self

    def failed(self, error: BaseException) -> None:
        """Say what the work failed with, where that does not end the block."""
        self._status = error.reason if isinstance(error, Refusal) else type(error).__name__

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        _here.reset(self._before)
        if isinstance(error, Exception):
            self.failed(error)
        elif error is not None:
            self._status = CANCELLED
        for span in self._spans:
            span.set_attribute(MESSAGES, self._messages)
            finish(span, self._status, failed=self._status not in {"OK", CANCELLED})


def _opened(name: str, kind: SpanKind, parent: Span | None) -> tuple[Span, Span | None]:
    """The place from which work goes on, and the span there if it is recorded.

    Where nothing is recorded, a caller's place is handed on as it is: so the
    spans of others stay connected over a process that keeps none.
    """
    tracer = _recorder.tracer
    if parent is None:
        sampled = tracer is not None and random.random() < _recorder.ratio  # noqa: S311
    else:
        sampled = parent.get_span_context().trace_flags.sampled
    if tracer is None or not sampled:
        return _Unrecorded() if parent is None else parent, None
    span = tracer.start_span(name, Context() if parent is None else _below(parent), kind)
    return span, span


class _Unrecorded(NonRecordingSpan):
    """The beginning of a trace that nobody records; its ids are for the logs, and made when one asks."""

    def __init__(self) -> None:
        self._position: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        if self._position is None:
            self._position = SpanContext(
                _IDS.generate_trace_id(),
                _IDS.generate_span_id(),
                is_remote=False,
                trace_flags=TraceFlags.get_default(),
            )
        return self._position


def _linked(name: str, places: Iterable[Span], first: Span) -> list[Span]:
    assert _recorder.tracer is not None, "there is a first span"
    link = Link(first.get_span_context())
    return [
        _recorder.tracer.start_span(name, _below(place), SpanKind.CONSUMER, links=[link]) for place in places
    ]


def _below(span: Span) -> Context:
    """This span as what the library takes for the one above another."""
    return set_span_in_context(span, Context())
