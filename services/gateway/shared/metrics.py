"""Shared calls as they are counted."""

from prometheus_client import Gauge, Histogram

SHARED_CALL_KEYS = Histogram(
    "laurel_shared_call_keys",
    "Keys in a shared call, by service.",
    ["service"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
SHARED_WAITING = Gauge(
    "laurel_shared_waiting_keys", "Keys that wait for the next shared call, by service.", ["service"]
)
