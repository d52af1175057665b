"""What a process tells of itself from its start to its end: logs, and spans where somebody takes them."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from libs.common.settings import Telemetry, read_settings
from libs.common.telemetry import configure_logs
from libs.common.tracing import record

FLUSH_SECONDS = 3.0
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@contextmanager
def observing(service: str) -> Iterator[None]:
    """Log and trace as this service; at the end there are a few seconds left to send what was traced."""
    settings = read_settings(Telemetry)
    configure_logs(service, error_texts=settings.log_error_texts)
    provider = record(service, settings.trace_ratio, *_processors())
    try:
        yield
    finally:
        # In a thread that dies with us: a collector that hangs does not keep a drained process.
        flush = threading.Thread(target=provider.shutdown, daemon=True)
        flush.start()
        flush.join(FLUSH_SECONDS)


def _processors() -> list[SpanProcessor]:
    """What sends spans to the collector that the standard variables of OpenTelemetry name, if they do.

    In batches, by a thread of its own, from a bounded queue that drops what is
    too much: a slow or dead collector costs spans and no call.
    """
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if disabled or not any(os.environ.get(name) for name in _ENDPOINTS):
        return []
    # Here, as it costs a third of a second that nobody waits for who sends nothing.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return [BatchSpanProcessor(OTLPSpanExporter())]
