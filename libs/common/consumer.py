"""Consumers of streams: read a partition in order, apply, acknowledge; whatever happens in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from libs.common.errors import Kind, Refusal
from libs.common.failures import kind
from libs.common.leases import Leases
from libs.common.mongo import OUTAGES, Database
from libs.common.redis import (
    PARTITIONS,
    READER,
    Redis,
    RedisError,
    ResponseError,
    StreamMessage,
    asked_to_end,
    stream_key,
)
from libs.common.telemetry import DEAD_LETTERS, log
from libs.common.tracing import TRACEPARENT, Continued

READ_ENTRIES = 200
BLOCK_SECONDS = 0.5
PARTITIONS_AT_ONCE = 4
ATTEMPTS_MAX = 8
DEAD_LETTERS_RETRIED = 10_000
DEAD_LETTERS_COUNTED_SECONDS = 10.0
OUTAGE_SECONDS = 0.2
FAILURE_SECONDS = 0.1
PASSING = {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXHAUSTED, Kind.ABORTED}

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
        self._resting: dict[str, float] = {}
        self._counted = float("-inf")

    async def run(self) -> None:
        """Consume until cancelled; what is down is waited for.

        Begins with what could not be applied before: a restart may have
        brought the repair.
        """
        first: list[Callable[[], Awaitable[object]]] = [self.retry_dead_letters]
        while not asked_to_end():
            try:
                while first:
                    await first[0]()
                    first.pop(0)
                await self._count_dead_letters()
                if not await self.consume_once():
                    await asyncio.sleep(0.05)
            except (RedisError, *OUTAGES, TimeoutError, Refusal) as error:
                if "NOGROUP" in str(error):
                    first.append(self._create_groups)
                    continue
                log("consumer").warning("interrupted", stream=self._stream, error=type(error).__name__)
                await asyncio.sleep(0.3)

    async def retry_dead_letters(self) -> int:
        """Apply what was kept aside, and forget what succeeds; gives how many did."""
        applied = 0
        letters = self._database.dead_letters.find({"stream": self._stream}).sort("recorded_time", 1)
        async for letter in letters.limit(DEAD_LETTERS_RETRIED):
            key, entry_id = letter["_id"].rsplit("/", 1)
            message = StreamMessage(
                entry_id, letter["type"], letter["payload"], letter["subject"], letter.get(TRACEPARENT, "")
            )
            if await self._lasting_failure(key, message) is None:
                await self._database.dead_letters.delete_one({"_id": letter["_id"]})
                applied += 1
        return applied

    async def _count_dead_letters(self) -> None:
        """Say now and then how many there are, whoever has put them aside."""
        if time.monotonic() - self._counted < DEAD_LETTERS_COUNTED_SECONDS:
            return
        self._counted = time.monotonic()
        count = await self._database.dead_letters.count_documents({"stream": self._stream})
        DEAD_LETTERS.labels(self._database.name, self._stream).set(count)

    async def consume_once(self) -> bool:
        """Apply what is pending in each partition, else what is new; says whether there is any to read."""
        held, moment = self._leases.held(), time.monotonic()
        keys = sorted(key for key, partition in self._partitions.items() if str(partition) in held)
        rests = {key: self._resting.get(key, moment) - moment for key in keys}
        awake = [key for key in keys if rests[key] <= 0]
        if not awake:
            await asyncio.sleep(0.05)
            return False
        streams = await self._read(dict.fromkeys(awake, "0"), block=None)
        if fresh := dict.fromkeys((key for key in awake if key not in streams), ">"):
            patience = min([BLOCK_SECONDS, *(rest for rest in rests.values() if rest > 0)])
            streams |= await self._read(fresh, block=None if streams else max(1, round(patience * 1000)))
        await asyncio.gather(*(self._apply_partition(key, messages) for key, messages in streams.items()))
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

    async def _apply_partition(self, key: str, messages: list[StreamMessage]) -> None:
        """Apply and acknowledge; what fails rests a while, so that it does not hold up other partitions."""
        async with self._at_once:
            with self._traced(messages) as work:
                try:
                    if self._failures.get(key, 0) < ATTEMPTS_MAX:
                        await self._apply(self._partitions[key], messages)
                    else:
                        await self._apply_one_by_one(key, messages)
                    await self._redis.xack(key, self._group, *(message.entry_id for message in messages))
                except Exception as error:
                    work.failed(error)
                    self._resting[key] = time.monotonic() + self._pause_after(error, key)
                    return
            self._failures.pop(key, None)
            self._resting.pop(key, None)

    def _traced(self, messages: list[StreamMessage]) -> Continued:
        return Continued(f"{self._stream} to {self._group}", [message.traceparent for message in messages])

    def _pause_after(self, error: Exception, key: str) -> float:
        """Log why messages are to be read again, and give the seconds to wait before."""
        if passes(error):
            why = error.message if isinstance(error, Refusal) else ""
            log("consumer").warning("to be read again", key=key, error=kind(error), why=why)
            return OUTAGE_SECONDS
        log("consumer").error("failed", key=key, exc_info=error)
        self._failures[key] = self._failures.get(key, 0) + 1
        return FAILURE_SECONDS * 2.0 ** min(self._failures[key], 5)

    async def _apply_one_by_one(self, key: str, messages: list[StreamMessage]) -> None:
        for message in messages:
            failure = await self._lasting_failure(key, message)
            if failure is not None:
                await self._keep_dead(key, message, failure)

    async def _lasting_failure(self, key: str, message: StreamMessage) -> Exception | None:
        """Apply a message by itself; gives what it fails with, unless that passes, which is raised."""
        with self._traced([message]) as work:
            try:
                await self._apply(self._partitions[key], [message])
            except Exception as error:
                work.failed(error)
                if passes(error):
                    raise
                log("consumer").exception(
                    "dead letter", key=key, entry=message.entry_id, subject=message.subject
                )
                return error
        return None

    async def _keep_dead(self, key: str, message: StreamMessage, error: Exception) -> None:
        """Keep a message that cannot be applied, once however often it comes."""
        letter = {
            "stream": self._stream,
            "type": message.type,
            "subject": message.subject,
            "payload": message.payload,
            TRACEPARENT: message.traceparent,
            "error": f"{type(error).__name__}: {error}"[:500],
            "recorded_time": self._now(),
        }
        await self._database.dead_letters.update_one(
            {"_id": f"{key}/{message.entry_id}"}, {"$setOnInsert": letter}, upsert=True
        )

    async def _create_groups(self) -> None:
        """Make each missing group, from the beginning of its partition: what was applied is skipped."""
        for key in self._partitions:
            try:
                await self._redis.xgroup_create(key, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise


def passes(error: Exception) -> bool:
    """Whether the same work may succeed later, by itself."""
    if isinstance(error, Refusal):
        return error.kind in PASSING
    return isinstance(error, (*OUTAGES, RedisError, TimeoutError))


def _pairs(answer: object) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes] | None]]]]:
    if not answer:
        return []
    if isinstance(answer, dict):  # RESP3
        return [(key, entries[0]) for key, entries in answer.items()]
    return list(answer)  # type: ignore[call-overload, no-any-return]


def _message(entry_id: bytes, fields: dict[bytes, bytes]) -> StreamMessage:
    return StreamMessage(
        entry_id=entry_id.decode(),
        # An entry that is none of ours has no type, which nobody applies.
        type=fields.get(b"type", b"").decode(errors="replace"),
        payload=fields.get(b"payload", b""),
        subject=fields.get(b"subject", b"").decode(errors="replace"),
        traceparent=fields.get(TRACEPARENT.encode(), b"").decode(errors="replace"),
    )
