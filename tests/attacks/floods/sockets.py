"""Connections that say nothing, or too little too slowly, at a service and at the gateway."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

from tests.attacks.floods.others import served_beside
from tests.attacks.frames import PREFACE, connected
from tests.attacks.verdicts import Answer, Case
from tests.attacks.world import World

HELD_SECONDS = 1.5
SLOW_SECONDS = 0.02
RANDOM_CONNECTIONS = 20
HELD = ("others are served, held",)


def cases(world: World, *, scale: float = 1.0) -> Iterator[Case]:
    """200 of each."""
    count, held = max(10, round(200 * scale)), HELD_SECONDS * max(1 / 3, scale)
    service = world.rpc.address("members")
    gateway = f"{world.graph.host}:{world.graph.port}"
    for name, attack in (
        ("silent connections to a service", _silent(service, count, held)),
        ("silent connections to the gateway", _silent(gateway, count, held)),
        ("connections that only shook hands", _shaken(world, count, held)),
        ("slow prefaces", _slow(service, b"", PREFACE, count)),
        ("slow heads", _slow(gateway, _head(world), b"x: " + b"a" * 60, count)),
        ("slow bodies", _slow(gateway, _head(world) + b"\r\n", b'{"query":"{' + b"a" * 60, count)),
        ("random bytes to a service", _random(service)),
        ("random bytes to the gateway", _random(gateway)),
    ):

        async def ask(_: int, attack: Callable[[], Awaitable[str]] = attack) -> Answer:
            return await served_beside(world, attack)

        yield Case("floods", f"{count} {name}" if "random" not in name else name, ask, HELD, timed=False)


@contextlib.asynccontextmanager
async def _opened(address: str) -> AsyncIterator[asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    try:
        yield writer
    finally:
        writer.transport.abort()


def _silent(address: str, count: int, seconds: float) -> Callable[[], Awaitable[str]]:
    async def attack() -> str:
        async with AsyncExitStack() as held:
            for _ in range(count):
                await held.enter_async_context(_opened(address))
            await asyncio.sleep(seconds)
        return "held"

    return attack


def _shaken(world: World, count: int, seconds: float) -> Callable[[], Awaitable[str]]:
    async def attack() -> str:
        files = world.caller("partner").files
        async with AsyncExitStack() as held:
            for _ in range(count):
                await held.enter_async_context(connected(world.rpc.address("members"), files, greet=False))
            await asyncio.sleep(seconds)
        return "held"

    return attack


def _slow(address: str, begin: bytes, rest: bytes, count: int) -> Callable[[], Awaitable[str]]:
    """The beginning at once, and of the rest a byte at a time, on all connections."""

    async def attack() -> str:
        async with AsyncExitStack() as held:
            writers = [await held.enter_async_context(_opened(address)) for _ in range(count)]
            for part in (begin, *(bytes([byte]) for byte in rest)):
                for writer in writers:
                    writer.write(part)
                await asyncio.sleep(SLOW_SECONDS)
        return "held"

    return attack


def _head(world: World) -> bytes:
    head = f"POST /graphql HTTP/1.1\r\nhost: {world.graph.host}\r\ncontent-type: application/json\r\n"
    bearer = f"authorization: Bearer {world.stranger()}\r\n"
    return f"{head}{bearer}content-length: 1000\r\n".encode()


def _random(address: str) -> Callable[[], Awaitable[str]]:
    chance = random.Random("random bytes")

    async def attack() -> str:
        for _ in range(RANDOM_CONNECTIONS):
            async with _opened(address) as writer:
                writer.write(chance.randbytes(10_000))
                with contextlib.suppress(OSError, ssl.SSLError):
                    await writer.drain()
                await asyncio.sleep(SLOW_SECONDS)
        return "held"

    return attack
