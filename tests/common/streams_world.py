"""Announcements of a made-up service, on the real mongod and Valkey: an outbox, its relay and a reader."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from laurel.common.v1 import fact_pb2
from libs.common.backlog import unsent_count
from libs.common.clock import now
from libs.common.consumer import StreamConsumer, due
from libs.common.leases import Leases
from libs.common.mongo import Database, Document, Session, transaction
from libs.common.outbox import RELAY, OutboxRelay, announce, outbox_row
from libs.common.redis import PARTITIONS, Redis, StreamMessage, partition_of, stream_groups, stream_key

STREAM = "facts"
GROUP = "reader"


def a_member_of(partition: int, number: int = 0) -> str:
    """A member whose announcements go to this partition."""
    found = (name for name in map("member{}".format, range(100_000)) if partition_of(name) == partition)
    for _ in range(number):
        next(found)
    return next(found)


@dataclass
class Streams:
    """A database and a Valkey, with what is done to them."""

    database: Database
    redis: Redis
    unread_max: int = 50_000
    positions: Counter[str] = field(default_factory=Counter)

    async def announce(self, member: str, count: int = 1) -> None:
        """Store the next announcements of a member."""
        first = self.positions[member] + 1
        self.positions[member] += count
        await announce(self.database, [self.row(member, seq) for seq in range(first, first + count)])

    def row(self, member: str, seq: int) -> Document:
        """An announcement of a member."""
        return outbox_row(fact_pb2.Fact(name=member, value=seq), member_id=member, change_seq=seq, now=now())

    async def leases(self, *names: str, holder: str = "one", group: str = GROUP) -> Leases:
        """Leases that are held from now on, as their clock stands still."""
        moment = now()
        leases = Leases(self.database, names, group=group, holder=holder, now=lambda: moment)
        await leases.renew()
        return leases

    async def relay(self, *groups: str) -> OutboxRelay:
        """A relay whose lease is held, and which has looked at this Valkey before."""
        leases = await self.leases(RELAY, group=f"{STREAM}/relay")
        relay = OutboxRelay(
            self.database,
            self.redis,
            leases,
            stream=STREAM,
            groups=groups,
            unread_max=self.unread_max,
            now=now,
        )
        await relay.send_once()
        return relay

    async def send_all(self, relay: OutboxRelay) -> None:
        """Relay until nothing is left."""
        for _ in range(20):
            await relay.send_once()
            if await self.all_sent():
                return
        raise AssertionError("something stays unsent")

    async def tell(self, **counts: int) -> None:
        """Put announcements of members on the stream."""
        relay = await self.relay()
        for member, count in counts.items():
            await self.announce(member, count)
        await self.send_all(relay)

    async def consumer(
        self,
        apply: Callable[[int, list[StreamMessage]], Awaitable[None]],
        *,
        group: str = GROUP,
        partitions: range = range(PARTITIONS),
    ) -> StreamConsumer:
        """A consumer of these partitions."""
        leases = await self.leases(*map(str, partitions), group=group)
        return StreamConsumer(
            self.database, self.redis, leases, stream=STREAM, group=group, apply=apply, now=now
        )

    async def sent(self) -> list[tuple[str, int]]:
        """What is on the stream, as (member, seq), partition by partition."""
        facts = []
        for partition in range(PARTITIONS):
            entries: Any = await self.redis.xrange(stream_key(STREAM, partition))
            facts += [fact_pb2.Fact.FromString(fields[b"payload"]) for _, fields in entries]
        return [(fact.name, fact.value) for fact in facts]

    async def sent_of(self, member: str) -> list[int]:
        """The sequence numbers of one member on the stream."""
        return [seq for name, seq in await self.sent() if name == member]

    async def all_sent(self) -> bool:
        return await self.unsent() == 0

    async def unsent(self) -> int:
        return await unsent_count(self.database)

    async def pending(self, partition: int) -> int:
        """How many entries were read and not acknowledged; -1 where there is no group yet."""
        state = (await stream_groups(self.redis, stream_key(STREAM, partition))).get(GROUP)
        return -1 if state is None else state.pending

    async def settled(self, partition: int = 3) -> bool:
        """Whether a partition is read and acknowledged to its end."""
        state = (await stream_groups(self.redis, stream_key(STREAM, partition))).get(GROUP)
        return state is not None and (state.lag, state.pending) == (0, 0)


@dataclass
class Effects:
    """A consumer's side: each announcement has one effect, in sequence, whatever the stream brings."""

    streams: Streams
    batches: list[list[int]] = field(default_factory=list)

    async def apply(self, partition: int, messages: list[StreamMessage]) -> None:
        """Keep what is due in one transaction with the position."""
        facts = [fact_pb2.Fact.FromString(message.payload) for message in messages]
        self.batches.append([fact.value for fact in facts])
        by_member: dict[str, list[int]] = {}
        for fact in facts:
            by_member.setdefault(fact.name, []).append(fact.value)
        for member, values in by_member.items():
            await transaction(
                self.streams.database.client,
                lambda session, member=member, values=values: self._keep(session, member, values),  # type: ignore[misc]
            )

    async def _keep(self, session: Session, member: str, values: list[int]) -> None:
        database = self.streams.database
        found = await database.applied.find_one({"_id": member}, session=session)
        applied = found["seq"] if found else 0
        following, missing = due(applied, ((value, value) for value in values))
        if missing is not None:  # pulled from the owner, whose outbox has everything
            rows = database.outbox.find({"subject": member, "change_seq": {"$gt": applied}})
            following, _ = due(applied, [(row["change_seq"], row["change_seq"]) async for row in rows])
        for seq, _ in following:
            await database.effects.insert_one({"member": member, "seq": seq}, session=session)
        if following:
            position = {"$set": {"seq": following[-1][0]}}
            await database.applied.update_one({"_id": member}, position, upsert=True, session=session)

    async def reached(self, member: str, seq: int) -> bool:
        """Whether the last effect on a member is this one."""
        return (await self.of(member))[-1:] == [seq]

    async def of(self, member: str) -> list[int]:
        """The effects on a member, in the order in which they came about."""
        found = self.streams.database.effects.find({"member": member}).sort("$natural", 1)
        return [each["seq"] async for each in found]


@asynccontextmanager
async def running(*tasks: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run tasks until the block ends; they must not end before."""
    started = [asyncio.create_task(task) for task in tasks]
    try:
        yield started
        assert not [task for task in started if task.done()]
    finally:
        for task in started:
            task.cancel()
        for task in started:
            with suppress(asyncio.CancelledError):
                await task


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.01)
