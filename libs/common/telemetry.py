"""JSON logs and metrics, alike in every service."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

RPC_SECONDS = Histogram(
    "laurel_rpc_seconds",
    "Time to answer a call, by method and status.",
    ["method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
TRANSACTION_ATTEMPTS = Counter(
    "laurel_transaction_attempts_total",
    "Attempts at transactions, by whether they had to be made again.",
    ["outcome"],
)
OUTBOX_UNSENT = Gauge("laurel_outbox_unsent", "Announcements stored and not yet on the stream.", ["service"])
APPLIED = Counter("laurel_events_applied_total", "Messages of streams that took effect.", ["service", "type"])
SKIPPED = Counter(
    "laurel_events_skipped_total", "Messages of streams that had taken effect before.", ["service"]
)


def configure_logs(service: str) -> None:
    """Write one JSON object a line to standard output, our own and the libraries' alike."""

    def name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name,
        structlog.processors.format_exc_info,
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
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("pymongo", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log(area: str) -> structlog.stdlib.BoundLogger:
    """The logger of an area."""
    return structlog.stdlib.get_logger(area)


def serve_metrics(port: int, host: str) -> None:
    """Answer /metrics for Prometheus on a port of its own."""
    start_http_server(port, addr=host)
