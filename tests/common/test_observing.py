"""Spans leave the process where a collector is named; that none is, or hangs, or is dead, costs no call."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import INVALID_SPAN, SpanKind

from libs.common import observing as observing_module
from libs.common.observing import observing
from libs.common.settings import ConfigurationError
from libs.common.tracing import begin, finish, go_on, incoming, record
from tests.support.telemetry import SAMPLED, TRACE, logged

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(ENDPOINT, raising=False)
    with logged():
        yield
    record("test", 0.0)
    go_on(INVALID_SPAN)


@dataclass
class Collector:
    """An OTLP collector that keeps what it is sent."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    holds: threading.Event | None = None

    def spans(self) -> list[tuple[str, str, str]]:
        """Service, trace and name of every span."""
        return [
            (resource.resource.attributes[0].value.string_value, span.trace_id.hex(), span.name)
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def collecting(*, hangs: bool = False) -> Iterator[Collector]:
    collector = Collector(holds=threading.Event() if hangs else None)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            if collector.holds is not None:
                collector.holds.wait(30)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests read what we log, not what this does."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        if collector.holds is not None:
            collector.holds.set()
        server.shutdown()
        server.server_close()


def a_traced_call() -> float:
    """Do something in a caller's trace; gives the seconds that it took."""
    started = time.perf_counter()
    span = begin("call", SpanKind.SERVER, incoming(SAMPLED))
    if span is not None:
        finish(span, "OK", failed=False)
    return time.perf_counter() - started


def test_what_was_traced_before_the_end_reaches_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)

        with observing("members"):
            a_traced_call()
            before = list(collector.bodies)

        assert before == []
        assert [name for _, _, name in collector.spans()] == ["call"]
        ((_, trace_id, _),) = collector.spans()
        assert trace_id == TRACE
        assert b"members" in collector.bodies[0]


@pytest.mark.parametrize(
    "variables",
    [{}, {ENDPOINT: ""}, {ENDPOINT: "URL", "OTEL_SDK_DISABLED": "true"}],
    ids=["none named", "an empty name", "switched off"],
)
def test_without_a_collector_no_span_is_made(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    with collecting() as collector:
        for name, value in variables.items():
            monkeypatch.setenv(name, value.replace("URL", collector.url))

        with observing("members"):
            span = begin("call", SpanKind.SERVER, incoming(SAMPLED))

        assert span is None
        assert collector.bodies == []


def test_a_collector_that_is_dead_costs_no_call_and_does_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5")
        monkeypatch.setattr(observing_module, "FLUSH_SECONDS", 0.5)

        started = time.monotonic()
        with observing("members"):
            slowest = max(a_traced_call() for _ in range(2_000))

        # One that waited would wait for five seconds.
        assert slowest < 4.5
        assert time.monotonic() - started < 10


def test_a_collector_that_hangs_does_not_keep_a_process_that_was_asked_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collecting(hangs=True) as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        monkeypatch.setattr(observing_module, "FLUSH_SECONDS", 0.5)

        with observing("members"):
            a_traced_call()
            started = time.monotonic()
        took = time.monotonic() - started

        assert 0.4 < took < 5


def test_the_share_that_is_recorded_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        monkeypatch.setenv("LAUREL_TRACE_RATIO", "1.0")

        with observing("members"):
            span = begin("call", SpanKind.SERVER, None)

        assert span is not None


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "all"])
def test_a_share_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, ratio: str) -> None:
    monkeypatch.setenv("LAUREL_TRACE_RATIO", ratio)

    with pytest.raises(ConfigurationError, match="LAUREL_TRACE_RATIO"), observing("members"):
        pass
