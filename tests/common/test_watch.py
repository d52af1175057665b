"""Watching a member: everything once and in order, whatever becomes of the stream meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from laurel.common.v1 import fact_pb2
from libs.cli.ports import Ports
from libs.common import watch
from libs.common.errors import Kind, Refusal, WatchPlaceUnknown
from libs.common.redis import PARTITIONS, connect_redis, stream_key
from libs.common.watch import PAGE_ROWS, Change, Watches
from tests.common.streams_world import STREAM, Streams, running, until
from tests.support.platform import running_valkey

NEVER = 3_600.0


class NotSeen(Refusal):
    reason, kind = "MEMBER_UNKNOWN", Kind.NOT_FOUND


def a_watch(streams: Streams, **seconds: float) -> Watches:
    """Watches without a backstop, unless told otherwise."""
    return Watches(streams.database, streams.redis, stream=STREAM, **{"backstop_seconds": NEVER, **seconds})


class Watcher:
    """Somebody who watches a member, and remembers what they are told."""

    def __init__(self, streams: Streams, watches: Watches, member: str, after: int | None = None) -> None:
        self.heard: list[Change] = []
        self.visible = True
        self._streams, self._member = streams, member
        self._changes = watches.follow(member, after, self._latest)

    async def _latest(self) -> int:
        if not self.visible:
            raise NotSeen
        return self._streams.positions[self._member]

    async def run(self) -> None:
        async for change in self._changes:
            self.heard.append(change)

    async def close(self) -> None:
        await self._changes.aclose()

    @property
    def told(self) -> list[int]:
        """The places of the changes, without the answers that only say how far it is."""
        return [change.seq for change in self.heard if change.type]

    async def begun(self) -> bool:
        return bool(self.heard)

    async def has(self, seq: int) -> bool:
        return self.told[-1:] == [seq]


@asynccontextmanager
async def watching(*watchers: Watcher) -> AsyncIterator[None]:
    """Watch until the block ends, from the first answer on."""
    async with running(*(each.run() for each in watchers)):
        for each in watchers:
            await until(each.begun)
        yield


async def test_who_watches_from_now_on_hears_where_that_is_and_each_later_change(streams: Streams) -> None:
    await streams.announce("ann", 3)
    relay = await streams.relay()
    watcher = Watcher(streams, a_watch(streams), "ann")

    async with watching(watcher):
        await streams.announce("ann", 2)
        await streams.announce("bob", 1)
        await streams.send_all(relay)
        await until(lambda: watcher.has(5))

    first, *later = watcher.heard
    assert (first.seq, first.type, first.recorded_time) == (3, "", None)
    assert [fact_pb2.Fact.FromString(each.payload).value for each in later] == [4, 5]


async def test_who_was_away_hears_everything_after_their_place_page_by_page(streams: Streams) -> None:
    await streams.announce("ann", 2 * PAGE_ROWS + 7)
    watcher = Watcher(streams, a_watch(streams), "ann", after=4)

    async with watching(watcher):
        await until(lambda: watcher.has(2 * PAGE_ROWS + 7))

    assert watcher.heard[0] == Change(4)
    assert watcher.told == list(range(5, 2 * PAGE_ROWS + 8))


async def test_nothing_is_missing_and_nothing_comes_twice_while_many_write(streams: Streams) -> None:
    members = ["ann", "bob", "cid"]
    watches = a_watch(streams)
    watchers = [Watcher(streams, watches, member) for member in members for _ in range(2)]
    relay = await streams.relay()

    async with watching(*watchers), running(relay.run()):
        for _ in range(30):
            await asyncio.gather(*(streams.announce(member, 2) for member in members))
        for each in watchers:
            await until(lambda each=each: each.has(60))  # type: ignore[misc]

    assert [each.told for each in watchers] == [list(range(1, 61))] * 6


async def test_what_the_stream_never_tells_is_found_by_asking(streams: Streams) -> None:
    watcher = Watcher(streams, a_watch(streams, backstop_seconds=0.05), "ann")

    async with watching(watcher):
        await streams.announce("ann", 3)
        await until(lambda: watcher.has(3))

    assert watcher.told == [1, 2, 3]


async def test_the_backstop_asks_for_hundreds_of_members_at_a_time(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BACKSTOP_MEMBERS", 7)
    watches = a_watch(streams, backstop_seconds=0.05)
    watchers = [Watcher(streams, watches, f"member{number}") for number in range(20)]

    async with watching(*watchers):
        for number in range(20):
            await streams.announce(f"member{number}", 1)
        for each in watchers:
            await until(lambda each=each: each.has(1))  # type: ignore[misc]


async def test_a_flushed_and_a_trimmed_stream_go_on_waking(streams: Streams) -> None:
    watcher = Watcher(streams, a_watch(streams), "ann")
    relay = await streams.relay()

    async with watching(watcher):
        for announced, lost in ((1, streams.redis.flushdb), (2, lambda: trimmed(streams))):
            await streams.announce("ann")
            await streams.send_all(relay)
            await until(lambda announced=announced: watcher.has(announced))  # type: ignore[misc]
            await lost()
        await streams.announce("ann")
        await streams.send_all(relay)
        await until(lambda: watcher.has(3))

    assert watcher.told == [1, 2, 3]


async def trimmed(streams: Streams) -> None:
    for partition in range(PARTITIONS):
        await streams.redis.xtrim(stream_key(STREAM, partition), maxlen=0, approximate=False)


async def test_a_valkey_that_was_away_wakes_again_when_it_is_back(streams: Streams, tmp_path: Path) -> None:
    with Ports() as ports:
        port = ports.any()
        with running_valkey(tmp_path / "first", port) as url:
            streams.redis = connect_redis(url)
            watcher = Watcher(streams, a_watch(streams), "ann")
            relay = await streams.relay()
            task = asyncio.create_task(watcher.run())
            await until(watcher.begun)
            await streams.announce("ann")
            await streams.send_all(relay)
            await until(lambda: watcher.has(1))
        await streams.announce("ann")
        with running_valkey(tmp_path / "second", port):
            sending = asyncio.create_task(relay.run())
            await until(lambda: watcher.has(2), seconds=30)
            await streams.announce("ann")
            await until(lambda: watcher.has(3), seconds=30)
            for each in (sending, task):
                each.cancel()
            await asyncio.gather(sending, task, return_exceptions=True)
            await streams.redis.aclose()

    assert watcher.told == [1, 2, 3]


async def test_a_place_beyond_the_latest_is_refused(streams: Streams) -> None:
    await streams.announce("ann", 2)

    with pytest.raises(WatchPlaceUnknown):
        await Watcher(streams, a_watch(streams), "ann", after=3).run()


@pytest.mark.parametrize("gone", [[3], [3, 4]], ids=["the next", "all that follow"])
async def test_a_place_whose_following_rows_are_gone_is_refused(
    streams: Streams, gone: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SETTLED_SECONDS", 0.1)
    await streams.announce("ann", 4)
    await streams.database.outbox.delete_many({"change_seq": {"$in": gone}})

    with pytest.raises(WatchPlaceUnknown):
        await Watcher(streams, a_watch(streams), "ann", after=2).run()


async def test_a_place_is_good_as_long_as_all_that_follows_is_there(streams: Streams) -> None:
    await streams.announce("ann", 4)
    await streams.database.outbox.delete_many({"change_seq": {"$lte": 2}})
    watcher = Watcher(streams, a_watch(streams), "ann", after=2)

    async with watching(watcher):
        await until(lambda: watcher.has(4))

    assert watcher.told == [3, 4]


async def test_silence_is_broken_by_answers_without_a_change(streams: Streams) -> None:
    await streams.announce("ann", 2)
    watcher = Watcher(streams, a_watch(streams, heartbeat_seconds=0.05), "ann")

    async def beats() -> bool:
        return len(watcher.heard) >= 4

    async with watching(watcher):
        await until(beats)

    assert set(watcher.heard) == {Change(2)}


async def test_a_watch_ends_when_its_member_may_not_be_seen_any_more(streams: Streams) -> None:
    watcher = Watcher(streams, a_watch(streams, allowed_seconds=0.05), "ann")
    task = asyncio.create_task(watcher.run())
    await until(watcher.begun)

    watcher.visible = False

    async with asyncio.timeout(10):
        with pytest.raises(NotSeen):
            await task


async def test_the_stream_is_read_once_for_all_watchers_and_for_none_not_at_all(streams: Streams) -> None:
    watches = a_watch(streams)
    before = await readers(streams)

    async with watching(*(Watcher(streams, watches, f"member{number}") for number in range(5))):
        await until(lambda: has_readers(streams, before + 1))

    await until(lambda: has_readers(streams, before), seconds=10)


async def readers(streams: Streams) -> int:
    """How many wait for entries of a stream."""
    clients: list[dict[str, Any]] = await streams.redis.client_list()
    return sum(each["cmd"] == "xread" and "b" in each["flags"] for each in clients)


async def has_readers(streams: Streams, count: int) -> bool:
    return await readers(streams) == count
