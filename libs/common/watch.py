"""Changes of one member as they happen: the outbox is the truth, and the stream only wakes who waits."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from libs.common.errors import WatchPlaceUnknown
from libs.common.mongo import Database, Document
from libs.common.redis import PARTITIONS, Redis, RedisError, ResponseError, asked_to_end, stream_key
from libs.common.telemetry import CHANGES_TOLD, log

PAGE_ROWS = 100
TAIL_ENTRIES = 50
TAIL_BLOCK_MS = 2_000
OUTAGE_SECONDS = 0.5
BACKSTOP_SECONDS = 5.0
BACKSTOP_MEMBERS = 200
ALLOWED_SECONDS = 60.0
SETTLED_SECONDS = 2.0
"""How long a majority may take to have what one of them told us already."""

LatestPlace = Callable[[], Awaitable[int]]
M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Change:
    """What was announced of a member; without a type it only says where the watch stands."""

    seq: int
    recorded_time: datetime | None = None
    type: str = ""
    payload: bytes = b""


@dataclass(slots=True, eq=False)
class _Watcher:
    """One who watches: has had everything up to `seq`, and while `waiting` wants to be told of more."""

    seq: int
    waiting: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> None:
        """Wait to be woken, for a while."""
        self.waiting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        self.waiting = False


class _Every:
    """When something is due again that is done every so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.done()

    def done(self) -> None:
        """It is done now."""
        self._next = time.monotonic() + self._seconds

    @property
    def left(self) -> float:
        """Seconds until it is due; 0 when it is."""
        return max(0.0, self._next - time.monotonic())


class Watches:
    """Tells watchers of members what a service announces of them, each from a place of its own on.

    A watcher reads rows of the outbox after its place, and nothing is kept
    for it: who takes long reads later. One reader of the stream for the whole
    process, there as long as there are watchers, says when to look; what it
    does not see, such as what a flush of Valkey took, a query for all
    watchers finds within seconds.
    """

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        stream: str,
        heartbeat_seconds: float = 30.0,
        backstop_seconds: float = BACKSTOP_SECONDS,
        allowed_seconds: float = ALLOWED_SECONDS,
    ) -> None:
        self._rows = database.outbox.with_options(read_concern=ReadConcern("majority"))
        self._redis, self._stream = redis, stream
        self._heartbeat_seconds, self._backstop_seconds = heartbeat_seconds, backstop_seconds
        self._allowed_seconds = allowed_seconds
        self._watchers: defaultdict[str, set[_Watcher]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    async def follow(
        self, member_id: str, after_seq: int | None, latest: LatestPlace
    ) -> AsyncGenerator[Change, None]:
        """Each change after a place, or from now on, without end; first where the watch stands.

        `latest` gives the member's latest place, and refuses whom the caller
        may not see; it is asked again every minute. Where nothing changes, a
        heartbeat says so. Refuses a place beyond the latest, and one whose
        following rows are gone.
        """
        known = await latest()
        seq = known if after_seq is None else after_seq
        if seq > known:
            raise WatchPlaceUnknown(after_seq=seq)
        with self._watching(member_id, seq) as watcher:
            await self._require_rows(member_id, seq, known)
            yield Change(seq)
            heartbeat, question = _Every(self._heartbeat_seconds), _Every(self._allowed_seconds)
            while True:
                watcher.woken.clear()
                page = await self._page(member_id, watcher.seq)
                for change in page or ([] if heartbeat.left else [Change(watcher.seq)]):
                    watcher.seq = change.seq
                    yield change
                    heartbeat.done()
                CHANGES_TOLD.labels(self._stream).inc(len(page))
                if not question.left:
                    if await latest() < watcher.seq:
                        raise WatchPlaceUnknown(after_seq=watcher.seq)
                    question.done()
                if len(page) < PAGE_ROWS:
                    await watcher.wait(min(heartbeat.left, question.left))
                    self._require_looking()

    async def answer(
        self, request: Any, latest: LatestPlace, told: Callable[[Change], M]
    ) -> AsyncGenerator[M, None]:
        """Answer a WatchMemberRequest, which is alike in every service; `told` says a change in its words."""
        after_seq = request.after_seq if request.HasField("after_seq") else None
        async with aclosing(self.follow(request.member_id, after_seq, latest)) as changes:
            async for change in changes:
                yield told(change)

    @contextmanager
    def _watching(self, member_id: str, seq: int) -> Iterator[_Watcher]:
        """Be woken for a member; with the first watcher the looking begins, and ends with the last."""
        watcher = _Watcher(seq)
        self._watchers[member_id].add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield watcher
        finally:
            self._watchers[member_id].discard(watcher)
            if not self._watchers[member_id]:
                del self._watchers[member_id]
            if not self._watchers:
                self._looking.cancel()
                self._looking = None

    def _require_looking(self) -> None:
        """End a watch that nobody would wake any more; only a defect ends the looking."""
        if self._looking is not None and self._looking.done():
            self._looking.result()

    # Rows

    async def _require_rows(self, member_id: str, seq: int, known: int) -> None:
        """Refuse a place whose following rows are gone. A row that was only just stored is waited for."""
        patience = time.monotonic() + SETTLED_SECONDS
        while seq < known and not await self._page(member_id, seq, limit=1):
            if time.monotonic() > patience:
                raise WatchPlaceUnknown(after_seq=seq)
            await asyncio.sleep(OUTAGE_SECONDS / 10)

    async def _page(self, member_id: str, after_seq: int, limit: int = PAGE_ROWS) -> list[Change]:
        """The next changes; the places of a member have no gaps, so a gap is what was deleted."""
        wanted = {"subject": member_id, "change_seq": {"$gt": after_seq}}
        rows = await self._rows.find(wanted).sort("change_seq", 1).limit(limit).to_list(None)
        if [row["change_seq"] for row in rows] != list(range(after_seq + 1, after_seq + 1 + len(rows))):
            raise WatchPlaceUnknown(after_seq=after_seq)
        return [_change(row) for row in rows]

    # Waking

    async def _look(self) -> None:
        """Wake watchers, as long as there are any; what is down is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tail())
            tasks.create_task(self._backstop())

    async def _tail(self) -> None:
        """Read the stream from now on, and wake the watchers of each member that comes along."""
        while not asked_to_end():
            try:
                ends = await self._ends()
                self._wake(list(self._watchers))  # of what was announced before that
                while not asked_to_end():
                    await self._read(ends)
            except RedisError as error:
                log("watch").warning("tail interrupted", stream=self._stream, error=type(error).__name__)
                await asyncio.sleep(OUTAGE_SECONDS)

    async def _read(self, ends: dict[Any, Any]) -> None:
        """Read what is new, and move the ends."""
        answer: Any = await self._redis.xread(ends, count=TAIL_ENTRIES, block=TAIL_BLOCK_MS)
        streams = answer.items() if isinstance(answer, dict) else answer or ()
        for key, found in streams:
            entries = found[0] if isinstance(answer, dict) else found
            ends[key.decode()] = entries[-1][0]
            self._wake(fields.get(b"subject", b"").decode(errors="replace") for _, fields in entries)

    async def _ends(self) -> dict[Any, Any]:
        """The last entry of each partition; those that nobody has written to yet begin at nothing."""
        ends: dict[Any, Any] = {}
        for partition in range(PARTITIONS):
            key = stream_key(self._stream, partition)
            try:
                ends[key] = (await self._redis.xinfo_stream(key))["last-generated-id"]
            except ResponseError:
                ends[key] = "0-0"
        return ends

    async def _backstop(self) -> None:
        """Ask again and again whether there is something that the stream has not told of."""
        while True:
            await asyncio.sleep(self._backstop_seconds)
            try:
                await self._wake_unseen()
            except PyMongoError as error:
                log("watch").warning("backstop interrupted", error=type(error).__name__)

    async def _wake_unseen(self) -> None:
        """One query for hundreds of members: who waits, and has a row after the place."""
        places = {
            member_id: min(watcher.seq for watcher in waiting)
            for member_id, watchers in self._watchers.items()
            if (waiting := [watcher for watcher in watchers if watcher.waiting])
        }
        members = list(places)
        for first in range(0, len(members), BACKSTOP_MEMBERS):
            asked = members[first : first + BACKSTOP_MEMBERS]
            later: Sequence[Document] = [
                {"subject": member_id, "change_seq": {"$gt": places[member_id]}} for member_id in asked
            ]
            found = self._rows.find({"$or": later}, {"_id": 0, "subject": 1}).limit(BACKSTOP_MEMBERS)
            self._wake({row["subject"] async for row in found})

    def _wake(self, member_ids: Iterable[str]) -> None:
        for member_id in member_ids:
            for watcher in self._watchers.get(member_id, ()):
                watcher.woken.set()


def _change(row: Document) -> Change:
    return Change(row["change_seq"], row["recorded_time"], row["type"], row["payload"])
