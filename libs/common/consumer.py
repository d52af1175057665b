"""Consumers of streams: read a partition in order, apply, acknowledge; whatever happens in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TypeVar

from libs.common.dead_letters import DeadLetters
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
from libs.common.telemetry import log
from libs.common.tracing import TRACEPARENT, Continued

READ_ENTRIES = 200
BLOCK_SECONDS = 0.5
LANES_AT_ONCE = 4
LANE_MESSAGES = 50
ATTEMPTS_MAX = 8
OUTAGE_SECONDS = 0.2
FAILURE_SECONDS = 0.1
PASSING = {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.EXHAUSTED, Kind.ABORTED}

# The messages may be of several partitions that are applied as one; the number is that of the first.
Apply = Callable[[int, list[StreamMessage]], Awaitable[None]]
Lane = dict[str, list[StreamMessage]]
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

    Few messages of many partitions are handed over at once, as a lane: to
    apply them costs little more than to apply those of one. A failed batch
    stays pending and is read again; nothing is acknowledged before its effect
    is committed. A message that fails by itself again and again is kept as a
    dead letter and reported, so that it does not hold up the other members of
    its partition.
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
        self._redis, self._leases, self._dead_letters = redis, leases, DeadLetters(database, stream, now)
        self._stream, self._group, self._apply = stream, group, apply
        self._partitions = {stream_key(stream, partition): partition for partition in range(PARTITIONS)}
        self._at_once = asyncio.Semaphore(LANES_AT_ONCE)
        self._failures: dict[str, int] = {}
        self._resting: dict[str, float] = {}

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
                await self._dead_letters.tell()
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
        async for key, message in self._dead_letters.kept():
            if await self._lasting_failure(key, message) is None:
                await self._dead_letters.forget(key, message)
                applied += 1
        return applied

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
        await asyncio.gather(*map(self._apply_lane, self._lanes(streams)))
        return True

    def _lanes(self, streams: Lane) -> list[Lane]:
        """The partitions as they are applied together; those that failed last time are by themselves."""
        failed = [{key: messages} for key, messages in streams.items() if key in self._resting]
        sound = sorted(key for key in streams if key not in self._resting)
        count = -(-sum(len(streams[key]) for key in sound) // LANE_MESSAGES)
        count = min(count, len(sound), LANES_AT_ONCE)
        return failed + [{key: streams[key] for key in sound[place::count]} for place in range(count)]

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

    async def _apply_lane(self, lane: Lane) -> None:
        """Apply and acknowledge; what fails rests a while, so that it does not hold up other partitions."""
        async with self._at_once:
            error = await self._applied(lane)
        if error is None:
            for key in lane:
                self._failures.pop(key, None)
                self._resting.pop(key, None)
        elif len(lane) == 1 or passes(error):
            rests_until = time.monotonic() + self._pause_after(error, next(iter(lane)))
            self._resting.update(dict.fromkeys(lane, rests_until))
        else:
            for key in lane:
                await self._apply_lane({key: lane[key]})

    async def _applied(self, lane: Lane) -> Exception | None:
        """Apply and acknowledge; gives what that failed with."""
        key, messages = next(iter(lane)), [message for each in lane.values() for message in each]
        with self._traced(messages) as work:
            try:
                if self._failures.get(key, 0) < ATTEMPTS_MAX:
                    await self._apply(self._partitions[key], messages)
                else:
                    await self._apply_one_by_one(key, messages)
                await self._acknowledge(lane)
            except Exception as error:
                work.failed(error)
                _tell(lane, error)
                return error
        return None

    async def _acknowledge(self, lane: Lane) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for key, messages in lane.items():
                pipeline.xack(key, self._group, *(message.entry_id for message in messages))
            await pipeline.execute()

    def _traced(self, messages: list[StreamMessage]) -> Continued:
        return Continued(f"{self._stream} to {self._group}", [message.traceparent for message in messages])

    def _pause_after(self, error: Exception, key: str) -> float:
        """Count a failure, and give the seconds to wait before its messages are read again."""
        if passes(error):
            return OUTAGE_SECONDS
        self._failures[key] = self._failures.get(key, 0) + 1
        return FAILURE_SECONDS * 2.0 ** min(self._failures[key], 5)

    async def _apply_one_by_one(self, key: str, messages: list[StreamMessage]) -> None:
        for message in messages:
            failure = await self._lasting_failure(key, message)
            if failure is not None:
                await self._dead_letters.keep(key, message, failure)

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


def _tell(lane: Lane, error: Exception) -> None:
    """Log what became of messages that could not be applied."""
    if passes(error):
        why = error.message if isinstance(error, Refusal) else ""
        log("consumer").warning("to be read again", keys=list(lane), error=kind(error), why=why)
    elif len(lane) == 1:
        log("consumer").error("failed", key=next(iter(lane)), exc_info=error)
    else:
        log("consumer").warning("applied apart", keys=list(lane), error=kind(error))


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
