"""JSON logs and metrics, alike in every service."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from libs.common.failures import frames, with_texts
from libs.common.tracing import here

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LINE_LENGTH_MAX = 300

RPC_SECONDS = Histogram(
    "laurel_rpc_seconds",
    "Time to answer a call, by method and status.",
    ["method", "status"],
    buckets=SECONDS,
)
RPC_CLIENT_SECONDS = Histogram(
    "laurel_rpc_client_seconds",
    "Time until another service had answered a call of ours, by method and gRPC code.",
    ["method", "code"],
    buckets=SECONDS,
)
DENIED = Counter(
    "laurel_denied_total",
    "Calls that the policy table refused, by method and kind of caller.",
    ["method", "kind"],
)
TRANSACTION_ATTEMPTS = Counter(
    "laurel_transaction_attempts_total",
    "Attempts at transactions, by whether they had to be made again.",
    ["outcome"],
)
WATCHERS = Gauge("laurel_watchers", "Watches that are being served, by method.", ["method"])
CHANGES_TOLD = Counter("laurel_changes_told_total", "Changes told to watchers, by stream.", ["stream"])
OUTBOX_UNSENT = Gauge("laurel_outbox_unsent", "Announcements stored and not yet on the stream.", ["service"])
OUTBOX_AGE_SECONDS = Gauge(
    "laurel_outbox_age_seconds", "Age of the oldest announcement that is not yet on the stream.", ["service"]
)
STREAM_LAG = Gauge(
    "laurel_stream_lag", "Entries of a stream that a consumer group has not read.", ["stream", "group"]
)
STREAM_PENDING = Gauge(
    "laurel_stream_pending",
    "Entries of a stream that a consumer group has read and not acknowledged.",
    ["stream", "group"],
)
DEAD_LETTERS = Gauge(
    "laurel_dead_letters", "Messages of a stream that could not be applied.", ["service", "stream"]
)
AUDIT_UNSEQUENCED = Gauge(
    "laurel_audit_unsequenced", "Audit records that wait for their place in the chain.", ["service"]
)
AUDIT_UNSEQUENCED_AGE_SECONDS = Gauge(
    "laurel_audit_unsequenced_age_seconds",
    "Age of the oldest audit record that waits for its place in the chain.",
    ["service"],
)
APPLIED = Counter("laurel_events_applied_total", "Messages of streams that took effect.", ["service", "type"])
SKIPPED = Counter(
    "laurel_events_skipped_total", "Messages of streams that had taken effect before.", ["service"]
)


def configure_logs(service: str, *, error_texts: bool = False) -> None:
    """Write one JSON object a line to standard output, our own and the libraries' alike.

    Of an exception its kind and frames are logged and, unless `error_texts`,
    not what it says: drivers quote the record that they fail on. All but ASCII
    is escaped, so that no value brings line ends or orders to a terminal.
    """

    def named(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        named,
        _in_trace,
        structlog.processors.ExceptionRenderer(with_texts if error_texts else frames),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=[_first_line, *shared],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("pymongo", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _in_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace that the line belongs to, sampled or not, and the span that is next above it."""
    position = here().get_span_context()
    if position.is_valid:
        event["trace_id"] = format_trace_id(position.trace_id)
        event["span_id"] = format_span_id(position.span_id)
    return event


def _first_line(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's message the first line: further ones show what was being processed, such as a task."""
    event["event"] = str(event["event"]).partition("\n")[0][:LINE_LENGTH_MAX]
    return event


def log(area: str) -> structlog.stdlib.BoundLogger:
    """The logger of an area."""
    return structlog.stdlib.get_logger(area)


def serve_metrics(port: int, host: str) -> None:
    """Answer /metrics for Prometheus on a port of its own."""
    start_http_server(port, addr=host)
