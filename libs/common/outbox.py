"""The outbox: what a service announces, stored with its effect and relayed to a stream at least once."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from libs.common.commits import committed, told_of_commits
from libs.common.ids import new_id
from libs.common.leases import Leases
from libs.common.mongo import Database, Document, Session, at_once
from libs.common.parcels import following_ids, parcels, recent_rows
from libs.common.redis import PARTITIONS, Redis, RedisError, asked_to_end, ordered, partition_of
from libs.common.sending import Sending
from libs.common.telemetry import log
from libs.common.tracing import TRACEPARENT, traceparent
from libs.common.upkeep import StreamUpkeep

SWEEP_ROWS = 500
SWEEP_SECONDS = 0.5
LISTEN_SECONDS = 5.0
RELAY = "relay"


def outbox_row(
    message: Message, *, member_id: str, change_seq: int, now: datetime, trace: str | None = None
) -> Document:
    """The row of an announcement: the change of a member that has this place among all at this service.

    It keeps the trace that it is made in, if no other is named, and its consumers go on with that.
    """
    return {
        "_id": new_id("out"),
        "partition": partition_of(member_id),
        "subject": member_id,
        "change_seq": change_seq,
        "type": message.DESCRIPTOR.name,
        "payload": message.SerializeToString(deterministic=True),
        TRACEPARENT: traceparent() if trace is None else trace,
        "recorded_time": now,
    }


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to announce of a member, before it has its place among the member's changes."""

    member_id: str
    message: Message

    def row(self, change_seq: int, now: datetime) -> Document:
        """The row of the outbox."""
        return outbox_row(self.message, member_id=self.member_id, change_seq=change_seq, now=now)


async def announce(database: Database, rows: Sequence[Document], session: Session | None = None) -> None:
    """Store rows, in the transaction of what they announce."""
    if rows:
        parts = parcels(rows)
        await database.outbox.insert_many(parts, session=session)
        recent_rows.add(parts)
    if session is None:
        committed()


class OutboxRelay:
    """Moves rows from the outbox to the stream, in the order in which they were stored.

    The sweep over unsent rows is the truth. A commit of this process wakes it,
    and so does one of another replica, which tells it over Valkey.
    A parcel is sent before it is marked, so consumers may see it twice.
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
        self._wake_channel, self._sending = f"{stream}.wake", Sending(redis, stream)
        self._looked = float("-inf")
        self._upkeep = StreamUpkeep(
            database,
            redis,
            stream=stream,
            groups=groups,
            unread_max=unread_max,
            ours=self._ours,
            now=now,
        )

    async def run(self) -> None:
        """Relay until cancelled; what is down is waited for."""
        with told_of_commits(self._awake.set):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen())
                tasks.create_task(self._sweep())
                tasks.create_task(self._upkeep.run())

    async def _listen(self) -> None:
        """Let other replicas wake the sweep, whose commits this process does not see."""
        while not asked_to_end():
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as wakes:
                    await wakes.subscribe(self._wake_channel)
                    while not asked_to_end():
                        if await wakes.get_message(timeout=LISTEN_SECONDS) and self._ours():
                            self._awake.set()
            except RedisError as error:
                # The sweep misses nothing meanwhile.
                log("outbox").warning("not listening", stream=self._stream, error=type(error).__name__)
                await asyncio.sleep(SWEEP_SECONDS)

    async def _sweep(self) -> None:
        """Send what is unsent, as soon as something is stored and now and then."""
        while not asked_to_end():
            woken = self._awake.is_set()
            self._awake.clear()
            try:
                if self._ours():
                    await self._send_all()
                elif woken:
                    await self._redis.publish(self._wake_channel, self._stream)
            except (PyMongoError, RedisError) as error:
                log("outbox").warning("sweep interrupted", error=type(error).__name__)
                await asyncio.sleep(0.2)
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._awake.wait()

    async def _send_all(self) -> None:
        while self._ours() and not asked_to_end():
            if await self.send_once() < SWEEP_ROWS:
                return

    def _ours(self) -> bool:
        return RELAY in self._leases.held()

    async def send_once(self) -> int:
        """Send the rows of the oldest unsent parcels, then mark them; gives how many.

        Where there are none, the server is still looked at now and then: it
        may have lost what was sent before.
        """
        unsent: Document = {"unsent": True}
        if self._upkeep.full:
            unsent["partition"] = {"$nin": sorted(self._upkeep.full)}
        found = self._database.outbox.find(unsent).sort("_id", 1).limit(SWEEP_ROWS)
        heads = await at_once(found, SWEEP_ROWS).to_list(None)
        if not heads and time.monotonic() - self._looked < SWEEP_SECONDS:
            return 0
        rows = await self._rows_of(heads)
        last = await self._sending.send(rows)
        self._looked = time.monotonic()
        if last is None:
            await self.resend_what_was_lost()
            self._awake.set()
            return 0
        await self._mark(rows, last)
        return len(rows)

    async def _rows_of(self, heads: Sequence[Document]) -> list[Document]:
        """The rows of parcels, of as many as there is room for, in order."""
        rows: list[Document] = []
        others: list[str] = []
        for head in heads:
            if len(rows) + len(others) >= SWEEP_ROWS:
                break
            rows.append(head)
            others += following_ids(head)
        remembered, unknown = recent_rows.take(others)
        rows += remembered
        if unknown:
            found = self._database.outbox.find({"_id": {"$in": unknown}})
            rows += await at_once(found, len(unknown)).to_list(None)
        rows.sort(key=lambda row: str(row["_id"]))
        return rows

    async def _mark(self, rows: Sequence[Document], last: Mapping[int, str]) -> None:
        """Say of each parcel that it was sent, and which entry was the last of its partition."""
        now = self._now()
        marks = [
            UpdateOne(
                {"_id": row["_id"]},
                {
                    "$set": {"sent_time": now, "entry_id": ordered(last[row["partition"]])},
                    "$unset": {"unsent": ""},
                },
            )
            for row in rows
            if "unsent" in row
        ]
        if marks:
            await self._database.outbox.bulk_write(marks, ordered=False)

    async def resend_what_was_lost(self) -> int:
        """Unmark the parcels that the streams of a restarted or flushed Valkey lack; gives how many.

        Runs in turn with the sending, never beside it: one that is sent and
        not yet marked could not be unmarked.
        """
        look = await self._sending.look()
        later: list[Document] = [
            {"partition": partition, "entry_id": {"$gt": ordered(look.last.get(partition, "0-0"))}}
            for partition in range(PARTITIONS)
        ]
        after: Document = {"sent_time": {"$exists": True}, "$or": later}
        unmark = {"$set": {"unsent": True}, "$unset": {"sent_time": "", "entry_id": ""}}
        lost = (await self._database.outbox.update_many(after, unmark)).modified_count
        await self._sending.know(look)
        if lost:
            log("outbox").warning(
                "valkey lost announcements, sending them again", stream=self._stream, parcels=lost
            )
        return lost
