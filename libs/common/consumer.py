"""Consumers of streams: read a partition in order, apply, acknowledge; whatever happens in between."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from libs.common.errors import Refusal
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES, Database
from libs.common.redis import PARTITIONS, READER, Redis, RedisError, ResponseError, StreamMessage, stream_key
from libs.common.telemetry import log

READ_ENTRIES = 200
BLOCK_MILLISECONDS = 500
PARTITIONS_AT_ONCE = 4
ATTEMPTS_MAX = 8

Apply = Callable[[int, list[StreamMessage]], Awaitable[None]]
T = TypeVar("T")


def due(applied: int, events: Iterable[tuple[int, T]]) -> tuple[list[tuple[int, T]], int | None]:
    """What follows the last applied sequence without a gap, and the first sequence that is missing.

    Messages may come twice and out of order; a missing one is pulled from its
    owner by the caller.
    """
    following: list[tuple[int, T]] = []
    for seq, event in sorted(
        {seq: event for seq, event in events if seq > applied}.items(), key=lambda pair: pair[0]
    ):
        if seq != applied + 1:
            return following, applied + 1
        following.append((seq, event))
        applied = seq
    return following, None


class StreamConsumer:
    """Reads the partitions that it leases and hands each one's messages to `apply`, in order.

    A failed batch stays pending and is read again; nothing is acknowledged
    before its effect is committed. A message that fails by itself again and
    again is kept in `dead_letters` and reported, so that it does not hold up
    the other members of its partition.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        leases: Leases,
        *,
        stream: str,
        group: str,
        apply: Apply,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._redis, self._leases = database, redis, leases
        self._stream, self._group, self._apply, self._now = stream, group, apply, now
        self._partitions = {stream_key(stream, partition): partition for partition in range(PARTITIONS)}
        self._at_once = asyncio.Semaphore(PARTITIONS_AT_ONCE)
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Consume until cancelled; what is down is waited for."""
        while True:
            try:
                if not await self.consume_once():
                    await asyncio.sleep(0.05)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                await self._create_groups()
            except (RedisError, *OUTAGES, TimeoutError, Refusal) as error:
                log("consumer").warning("interrupted", stream=self._stream, error=type(error).__name__)
                await asyncio.sleep(0.3)

    async def consume_once(self) -> bool:
        """Read what is pending, else what is new, and apply it; says whether any partition is ours."""
        keys = sorted(
            key for key, partition in self._partitions.items() if str(partition) in self._leases.held()
        )
        if not keys:
            await asyncio.sleep(0.2)
            return False
        pending = await self._read(dict.fromkeys(keys, "0"), block=None)
        if pending:
            await self._apply_all(pending)
            return True
        fresh = await self._read(dict.fromkeys(keys, ">"), block=BLOCK_MILLISECONDS)
        await self._apply_all(fresh)
        return True

    async def _read(self, keys: dict[str, str], block: int | None) -> dict[str, list[StreamMessage]]:
        answer = await self._redis.xreadgroup(self._group, READER, keys, count=READ_ENTRIES, block=block)  # type: ignore[arg-type]
        streams: dict[str, list[StreamMessage]] = {}
        for key, entries in _pairs(answer):
            messages = [_message(entry_id, fields) for entry_id, fields in entries if fields]
            if messages:
                streams[key.decode()] = messages
            gone = [entry_id for entry_id, fields in entries if not fields]
            if gone:  # a pending entry that the stream has lost; its outbox row is sent again by the relay
                log("consumer").warning("entries lost by valkey", key=key.decode(), entries=len(gone))
                await self._redis.xack(key.decode(), self._group, *gone)
        return streams

    async def _apply_all(self, streams: dict[str, list[StreamMessage]]) -> None:
        await asyncio.gather(*(self._apply_partition(key, messages) for key, messages in streams.items()))

    async def _apply_partition(self, key: str, messages: list[StreamMessage]) -> None:
        async with self._at_once:
            try:
                await self._apply(self._partitions[key], messages)
            except (*OUTAGES, RedisError, TimeoutError, Refusal) as error:
                log("consumer").warning(
                    "to be read again", key=key, error=type(error).__name__, why=str(error)
                )
                await asyncio.sleep(0.2)
                return
            except Exception:
                log("consumer").exception("failed", key=key, entries=len(messages))
                self._failures[key] = self._failures.get(key, 0) + 1
                await asyncio.sleep(0.1 * 2 ** min(self._failures[key], 5))
                if self._failures[key] < ATTEMPTS_MAX:
                    return
                await self._apply_one_by_one(key, messages)
            self._failures.pop(key, None)
            await self._redis.xack(key, self._group, *(message.entry_id for message in messages))

    async def _apply_one_by_one(self, key: str, messages: list[StreamMessage]) -> None:
        for message in messages:
            try:
                await self._apply(self._partitions[key], [message])
            except (*OUTAGES, RedisError, TimeoutError, Refusal):
                raise
            except Exception as error:
                log("consumer").exception(
                    "dead letter", key=key, entry=message.entry_id, subject=message.subject
                )
                await self._database.dead_letters.insert_one(
                    {
                        "_id": new_id("dead"),
                        "stream": self._stream,
                        "type": message.type,
                        "subject": message.subject,
                        "payload": message.payload,
                        "error": f"{type(error).__name__}: {error}"[:500],
                        "recorded_time": self._now(),
                    }
                )

    async def _create_groups(self) -> None:
        """Make each missing group, from the beginning of its partition: what was applied is skipped."""
        for key in self._partitions:
            try:
                await self._redis.xgroup_create(key, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise


def _pairs(answer: object) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes] | None]]]]:
    if not answer:
        return []
    if isinstance(answer, dict):  # RESP3
        return [(key, entries[0]) for key, entries in answer.items()]
    return list(answer)  # type: ignore[call-overload, no-any-return]


def _message(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamMessage:
    return StreamMessage(
        entry_id=entry_id.decode(),
        type=fields[b"type"].decode(),
        payload=fields[b"payload"],
        subject=fields[b"subject"].decode(),
    )
