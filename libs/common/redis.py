"""Streams on Valkey: partitioned by member, so that what concerns one member stays in order."""

import asyncio
import zlib
from dataclasses import dataclass

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

Redis = redis.asyncio.Redis

PARTITIONS = 16
# One name for whoever reads a partition, so that a new reader finds the old one's pending entries as its own.
READER = "reader"

__all__ = ["PARTITIONS", "READER", "Redis", "RedisConnectionError", "RedisError", "ResponseError"]


def connect_redis(url: str) -> Redis:
    """A client that gives bytes, does not hang on a dead server, and leaves trying again to its callers."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_connect_timeout=2,
        socket_timeout=10,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 0),
    )


def asked_to_end() -> bool:
    """Whether this task was cancelled, though nothing was raised.

    redis-py waits for its writes by asyncio.wait_for, which in Python 3.11
    drops a cancellation that comes at the same moment as the answer. So what
    calls Valkey in a loop asks, or a service that drains would wait for ever.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def partition_of(member_id: str) -> int:
    """The partition of a member: the same in every process, for ever."""
    return zlib.crc32(member_id.encode()) % PARTITIONS


def stream_key(stream: str, partition: int) -> str:
    """The key of one partition of a stream, such as `members.events.07`."""
    return f"{stream}.{partition:02d}"


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """One announcement as it came from a stream."""

    entry_id: str
    type: str
    payload: bytes
    subject: str
    # From where in which trace its effect goes on.
    traceparent: str = ""


def ordered(entry_id: str) -> str:
    """An entry id in a form whose order as text is the order of the stream."""
    milliseconds, _, number = entry_id.partition("-")
    return f"{int(milliseconds):015d}-{int(number or 0):010d}"


@dataclass(frozen=True, slots=True)
class GroupState:
    """How far a consumer group is in one partition."""

    lag: int
    pending: int
    needed_from: str


async def stream_groups(redis: Redis, key: str) -> dict[str, GroupState]:
    """The consumer groups of one partition, by name; none where there is no stream yet."""
    try:
        groups = await redis.xinfo_groups(key)
    except ResponseError:
        return {}
    states = {}
    for group in groups:
        name, last = _text(group["name"]), _text(group["last-delivered-id"])
        if group["pending"]:
            # By the time we ask, the pending ones may have been acknowledged.
            oldest = (await redis.xpending(key, name))["min"]
            last = last if oldest is None else _text(oldest)
        # Valkey says no lag when it cannot know it; all there is counts then.
        lag = group["lag"] if group["lag"] is not None else await redis.xlen(key)
        states[name] = GroupState(lag=lag, pending=group["pending"], needed_from=last)
    return states


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def group_total(redis: Redis, stream: str, group: str) -> tuple[int, int]:
    """Lag and pending of a group over all partitions; all there is counts where it has not been made yet."""
    lag = pending = 0
    for partition in range(PARTITIONS):
        key = stream_key(stream, partition)
        state = (await stream_groups(redis, key)).get(group)
        lag += await redis.xlen(key) if state is None else state.lag
        pending += 0 if state is None else state.pending
    return lag, pending
