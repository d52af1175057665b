"""Calls that outlive the death of any process of the platform: made again until they are answered."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from libs.cli.errors import RefusedError
from libs.common.rpc.errors import error_info, reason_of

PATIENCE_SECONDS = 90.0
BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 3.0
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,  # by a server that was draining
}

T = TypeVar("T")


async def patiently(call: Callable[[], Awaitable[T]], *, seconds: float = PATIENCE_SECONDS) -> T:
    """The answer to a call that may be repeated: the caller keeps its request_id the same."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    backoff = BACKOFF_SECONDS_MIN
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            pause = max(backoff * random.uniform(0.5, 1), _asked_delay(error))  # noqa: S311 - jitter
            if error.code() not in PASSING or loop.time() + pause > deadline:
                raise RefusedError(reason_of(error), explain(error)) from error
        await asyncio.sleep(pause)
        backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)


def explain(error: grpc.aio.AioRpcError) -> str:
    """What a service refused and why, for people."""
    info = error_info(error)
    facts = "".join(f", {name}={value}" for name, value in sorted(info.metadata.items())) if info else ""
    return f"{reason_of(error)}: {error.details()}{facts}"


def _asked_delay(error: grpc.aio.AioRpcError) -> float:
    """How long the service asks us to wait, as RetryInfo says."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    delay = error_details_pb2.RetryInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(delay):
            return float(delay.retry_delay.ToMilliseconds() / 1000)
    return 0.0
