"""What processes tell of themselves, kept in memory for a test: spans, log lines and metrics."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import REGISTRY, generate_latest

from libs.common.telemetry import configure_logs
from libs.common.tracing import record

# A caller's place in a trace, sampled and not.
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"


@dataclass
class Spans:
    """The spans that ended, in the order in which they did."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def all(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans whose name ends so: `RiskService/BatchGetRiskProfiles`, or `to benefits`."""
        return [span for span in self.all() if span.name.endswith(name)]

    def one(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (span,) = self.named(name)
        return span

    def text(self) -> str:
        """All that is exported of them."""
        return "\n".join(span.to_json() for span in self.all())


@contextmanager
def recorded(ratio: float = 1.0) -> Iterator[Spans]:
    """Record spans in memory, of this share of the traces that begin here."""
    spans = Spans()
    record("test", ratio, SimpleSpanProcessor(spans.exporter))
    try:
        yield spans
    finally:
        record("test", 0.0)


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return format_trace_id(span.context.trace_id)


def id_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return format_span_id(span.context.span_id)


def parent_of(span: ReadableSpan) -> str | None:
    """The id of the span above, wherever that was recorded."""
    return None if span.parent is None else format_span_id(span.parent.span_id)


@dataclass
class Logs:
    """The lines that were written."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        """Each line as the object that it is."""
        return [json.loads(line) for line in self.text().splitlines()]

    def line(self, event: str) -> dict[str, Any]:
        """The only line of this event."""
        (line,) = [each for each in self.lines() if each["event"] == event]
        return line


@contextmanager
def logged(*, error_texts: bool = False) -> Iterator[Logs]:
    """Write logs as a service does, into memory."""
    logs, root = Logs(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with redirect_stdout(logs.stream):
        configure_logs("test", error_texts=error_texts)
    try:
        yield logs
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def metrics() -> str:
    """What Prometheus would be told."""
    return generate_latest(REGISTRY).decode()


def metric(name: str, **labels: str) -> float | None:
    """The value of one series, None where it is not told."""
    return REGISTRY.get_sample_value(name, labels)
