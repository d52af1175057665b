"""Requests as they are timed and traced, by what they ask and how they end."""

import time
from functools import lru_cache

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import Request
from strawberry.types.execution import ExecutionResult

from libs.common.caller import known_caller
from libs.common.telemetry import SECONDS
from libs.common.tracing import TRACEPARENT, begin, finish, incoming

REQUEST_SECONDS = Histogram(
    "laurel_graphql_request_seconds",
    "Time to answer a request, by type of the operation and outcome.",
    ["operation", "outcome"],
    buckets=SECONDS,
)
OPERATIONS = Counter(
    "laurel_graphql_operations_total",
    "Operations executed over HTTP, `by` their `plan` or by `graphql-core`, where they have none.",
    ["by"],
)
BY_PLAN, BY_GRAPHQL_CORE = OPERATIONS.labels("plan"), OPERATIONS.labels("graphql-core")
WEBSOCKETS = Gauge("laurel_websockets", "WebSockets that are open.")
STREAMS = Gauge("laurel_event_streams", "Streams of server-sent events that are open.")
WEBSOCKETS_CLOSED = Counter("laurel_websockets_closed_total", "WebSockets that we closed, by code.", ["code"])
SUBSCRIPTIONS = Gauge("laurel_subscriptions", "Subscriptions that are being served.")
SUBSCRIPTIONS_ENDED = Counter(
    "laurel_subscriptions_ended_total",
    "Subscriptions that ended: `stopped` by the client or with its connection, `slow`, or by code.",
    ["reason"],
)
EVENTS = Counter("laurel_subscription_events_total", "Events sent to subscriptions.")
SPAN = "POST /graphql"


class Served:
    """One request that we answer, in the trace of its caller or in one that begins here."""

    def __init__(self, request: Request) -> None:
        self._started = time.perf_counter()
        self._span = begin(SPAN, SpanKind.SERVER, incoming(request.headers.get(TRACEPARENT, "")))

    def ended(self, operation: str, outcome: str) -> None:
        """Say what it asked for and how it ended."""
        _requests(operation, outcome).observe(time.perf_counter() - self._started)
        if self._span is not None:
            finish(self._span, outcome, failed=outcome == "failed", principal=known_caller())


def outcome_of(result: ExecutionResult) -> str:
    """How an operation ended: `partial` when parts of the answer failed."""
    if not result.errors:
        return "ok"
    return "failed" if result.data is None else "partial"


@lru_cache(maxsize=64)  # types of operations and outcomes are fewer
def _requests(operation: str, outcome: str) -> Histogram:
    """The histogram of a type of operation and an outcome, looked up once."""
    return REQUEST_SECONDS.labels(operation, outcome)
