"""The outbox: what a service announces, stored with its effect and relayed to a stream at least once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from pymongo import UpdateMany
from pymongo.errors import OperationFailure, PyMongoError

from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Database, Document
from libs.common.redis import (
    PARTITIONS,
    Redis,
    RedisError,
    ResponseError,
    asked_to_end,
    ordered,
    partition_of,
    stream_key,
)
from libs.common.telemetry import log
from libs.common.tracing import TRACEPARENT, traceparent
from libs.common.upkeep import StreamUpkeep

SWEEP_ROWS = 500
SWEEP_SECONDS = 0.5
TOKEN_SAVED_SECONDS = 1.0
RELAY = "relay"


def outbox_row(message: Message, *, member_id: str, change_seq: int, now: datetime) -> Document:
    """The row of an announcement: the change of a member that has this place among all at this service.

    It keeps the trace that it is made in, and its consumers go on with that.
    """
    return {
        "_id": new_id("out"),
        "partition": partition_of(member_id),
        "subject": member_id,
        "change_seq": change_seq,
        "type": message.DESCRIPTOR.name,
        "payload": message.SerializeToString(deterministic=True),
        TRACEPARENT: traceparent(),
        "recorded_time": now,
        "unsent": True,
    }


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to announce of a member, before it has its place among the member's changes."""

    member_id: str
    message: Message

    def row(self, change_seq: int, now: datetime) -> Document:
        """The row of the outbox."""
        return outbox_row(self.message, member_id=self.member_id, change_seq=change_seq, now=now)


@dataclass
class _Sent:
    row_ids: list[str]
    last: str


class OutboxRelay:
    """Moves rows from the outbox to the stream, in the order in which they were stored.

    The sweep over unsent rows is the truth; a change stream only wakes it.
    A row is sent before it is marked, so consumers may see it twice.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        leases: Leases,
        *,
        stream: str,
        groups: Sequence[str],
        unread_max: int,
        now: Callable[[], datetime],
    ) -> None:
        """`groups` are the consumers that must have read an entry before it may be trimmed."""
        self._database, self._redis, self._leases = database, redis, leases
        self._stream, self._now = stream, now
        self._awake = asyncio.Event()
        self._token_saved = float("-inf")
        self._run_key = f"{stream}.run"
        self._upkeep = StreamUpkeep(
            database,
            redis,
            stream=stream,
            groups=groups,
            unread_max=unread_max,
            ours=lambda: RELAY in leases.held(),
            now=now,
        )

    async def run(self) -> None:
        """Relay until cancelled; what is down is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._sweep())
            tasks.create_task(self._upkeep.run())

    async def _watch(self) -> None:
        """Wake the sweep as soon as something is stored."""
        inserted: list[Document] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
        state = self._database.relay
        while True:
            try:
                saved = await state.find_one({"_id": "change_stream"}) or {}
                async with self._database.outbox.watch(inserted, resume_after=saved.get("token")) as changes:
                    async for _ in changes:
                        self._awake.set()
                        await self._save_token(changes.resume_token)
            except PyMongoError as error:
                # The sweep misses nothing meanwhile.
                log("outbox").warning("watch interrupted", error=type(error).__name__)
                await asyncio.sleep(0.5)
                if isinstance(error, OperationFailure):  # such as a token that is too old
                    await self._forget_token()

    async def _save_token(self, token: Any) -> None:
        """Remember where the change stream is, now and then: a change told twice only wakes the sweep."""
        if time.monotonic() - self._token_saved < TOKEN_SAVED_SECONDS:
            return
        self._token_saved = time.monotonic()
        await self._database.relay.update_one(
            {"_id": "change_stream"}, {"$set": {"token": token}}, upsert=True
        )

    async def _forget_token(self) -> None:
        try:
            await self._database.relay.delete_one({"_id": "change_stream"})
        except PyMongoError as error:
            log("outbox").warning("token kept", error=type(error).__name__)

    async def _sweep(self) -> None:
        while not asked_to_end():
            self._awake.clear()
            try:
                full = True
                while full and RELAY in self._leases.held() and not asked_to_end():
                    full = await self.send_once() == SWEEP_ROWS
            except (PyMongoError, RedisError) as error:
                log("outbox").warning("sweep interrupted", error=type(error).__name__)
                await asyncio.sleep(0.2)
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def send_once(self) -> int:
        """Send the oldest unsent rows, then mark them; gives how many.

        The server is asked who it is on the connection that then sends, so
        that nothing is sent to a restarted or flushed one before it is known
        what it lost: later entries would hide the loss.
        """
        unsent: Document = {"unsent": True}
        if self._upkeep.full:
            unsent["partition"] = {"$nin": sorted(self._upkeep.full)}
        rows = await self._database.outbox.find(unsent).sort("_id", 1).limit(SWEEP_ROWS).to_list(None)
        async with self._redis.pipeline() as pipeline:
            await pipeline.watch(self._run_key)  # a flush from here on makes the sending fail
            if not await self._is_known(pipeline):
                await self.resend_what_was_lost()
                self._awake.set()
                return 0
            if not rows:
                return 0
            pipeline.multi()  # type: ignore[no-untyped-call]
            for row in rows:
                pipeline.xadd(stream_key(self._stream, row["partition"]), _fields(row))  # type: ignore[arg-type]
            entry_ids = await pipeline.execute()
        await self._mark(rows, [entry_id.decode() for entry_id in entry_ids])
        return len(rows)

    async def _mark(self, rows: list[Document], entry_ids: list[str]) -> None:
        by_partition: dict[int, _Sent] = {}
        for row, entry_id in zip(rows, entry_ids, strict=True):
            sent = by_partition.setdefault(row["partition"], _Sent([], ""))
            sent.row_ids.append(row["_id"])
            sent.last = ordered(entry_id)
        marks = [
            UpdateMany(
                {"_id": {"$in": sent.row_ids}},
                {"$set": {"sent_time": self._now(), "entry_id": sent.last}, "$unset": {"unsent": ""}},
            )
            for sent in by_partition.values()
        ]
        await self._database.outbox.bulk_write(marks, ordered=False)

    async def _is_known(self, redis: Redis) -> bool:
        """Whether the server runs and holds what it did when it was last looked at.

        Its run id is kept among the streams: a restart gives it another one, a
        flush takes away the one that was kept.
        """
        run_id: str = (await redis.info("server"))["run_id"]
        return bool(await redis.get(self._run_key) == run_id.encode())

    async def resend_what_was_lost(self) -> int:
        """Unmark the rows that the streams of a restarted or flushed Valkey lack; gives how many.

        Runs in turn with the sending, never beside it: a row that is sent and
        not yet marked could not be unmarked.
        """
        run_id: str = (await self._redis.info("server"))["run_id"]
        lost = 0
        for partition in range(PARTITIONS):
            after = {"partition": partition, "entry_id": {"$gt": await self._last_entry(partition)}}
            unmark = {"$set": {"unsent": True}, "$unset": {"sent_time": "", "entry_id": ""}}
            lost += (await self._database.outbox.update_many(after, unmark)).modified_count
        await self._redis.set(self._run_key, run_id)
        if lost:
            log("outbox").warning(
                "valkey lost announcements, sending them again", stream=self._stream, rows=lost
            )
        return lost

    async def _last_entry(self, partition: int) -> str:
        try:
            info = await self._redis.xinfo_stream(stream_key(self._stream, partition))
        except ResponseError:
            return ""
        last = info["last-generated-id"]
        return ordered(last.decode() if isinstance(last, bytes) else last)


def _fields(row: Document) -> dict[str, Any]:
    """A row as an entry of the stream; the trace where it has one."""
    fields = {name: row[name] for name in ("type", "payload", "subject")}
    return fields | ({TRACEPARENT: row[TRACEPARENT]} if row.get(TRACEPARENT) else {})
