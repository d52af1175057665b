"""Upkeep of a stream and its outbox, beside the relay: short, never too full, and measured."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pymongo.errors import PyMongoError

from libs.common.backlog import Backlog, unsent_count, unsent_seconds
from libs.common.mongo import Database
from libs.common.parcels import following_ids
from libs.common.redis import (
    PARTITIONS,
    GroupState,
    Redis,
    RedisError,
    asked_to_end,
    stream_groups,
    stream_key,
)
from libs.common.telemetry import log

UPKEEP_SECONDS = 2.0
UNREAD_STREAM_KEPT = 1_000
# How long announcements are kept that were sent, for those who watch and for a Valkey that forgets.
SENT_KEPT = timedelta(days=30)
FORGOTTEN_PARCELS = 200
FORGOTTEN_ROUNDS = 10


class StreamUpkeep:
    """Trims a stream in the replica that relays, and says how far its outbox and its readers are.

    `full` are the partitions that have too much unread to be sent more.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        stream: str,
        groups: Sequence[str],
        unread_max: int,
        ours: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        """`groups` must have read an entry before it is trimmed; `ours` says whether this replica relays."""
        self._database, self._redis, self._stream = database, redis, stream
        self._groups, self._unread_max, self._ours, self._now = tuple(groups), unread_max, ours, now
        self._backlog = Backlog(database.name, stream)
        self.full: set[int] = set()

    async def run(self) -> None:
        """Measure and trim until cancelled; what is down is waited for."""
        while not asked_to_end():
            await self.measure()
            await self.keep()
            await asyncio.sleep(UPKEEP_SECONDS)

    async def measure(self) -> None:
        """Say how much is unsent, in every replica."""
        try:
            count, age = await unsent_count(self._database), await unsent_seconds(self._database, self._now())
        except PyMongoError as error:
            self._backlog.unsent_unknown()
            log("outbox").warning("unsent rows not counted", error=type(error).__name__)
        else:
            self._backlog.unsent(count, age)

    async def keep(self) -> None:
        """Trim, and say how far the readers are, where this replica relays."""
        if not self._ours():
            self._backlog.unread_unknown()
            return
        try:
            await self.forget()
            await self.trim()
        except (PyMongoError, RedisError) as error:
            self._backlog.unread_unknown()
            log("outbox").warning("upkeep interrupted", error=type(error).__name__)

    async def forget(self) -> None:
        """Delete what was sent long ago: heads last, as nothing else names the rest of their parcels."""
        outbox, long_ago = self._database.outbox, self._now() - SENT_KEPT
        for _ in range(FORGOTTEN_ROUNDS):
            sent = outbox.find({"sent_time": {"$lt": long_ago}}, {"following": 1}).sort("sent_time", 1)
            heads = await sent.limit(FORGOTTEN_PARCELS).to_list(None)
            if heads:
                others = [row_id for head in heads for row_id in following_ids(head)]
                await outbox.delete_many({"_id": {"$in": others}})
                await outbox.delete_many({"_id": {"$in": [head["_id"] for head in heads]}})
            if len(heads) < FORGOTTEN_PARCELS:
                return

    async def trim(self) -> None:
        """Drop what every group has acknowledged, and hold back partitions that are not being read."""
        lag, pending = Counter(dict.fromkeys(self._groups, 0)), Counter(dict.fromkeys(self._groups, 0))
        for partition in range(PARTITIONS):
            key = stream_key(self._stream, partition)
            if not self._groups:
                await self._redis.xtrim(key, maxlen=UNREAD_STREAM_KEPT, approximate=True)
                continue
            groups = await stream_groups(self._redis, key)
            for name in self._groups:
                # A group that nobody has made yet has everything to read.
                group = groups.get(name) or GroupState(await self._redis.xlen(key), 0, "")
                lag[name] += group.lag
                pending[name] += group.pending
            unread = max((group.lag + group.pending for group in groups.values()), default=0)
            (self.full.add if unread > self._unread_max else self.full.discard)(partition)
            if all(name in groups for name in self._groups):
                await self._redis.xtrim(
                    key, minid=min(group.needed_from for group in groups.values()), approximate=True
                )
        self._backlog.unread(lag, pending)
