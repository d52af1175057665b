"""What one connection may send before there is a request, over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from services.gateway import connections
from services.gateway.connections import HEAD_BYTES_MAX, BoundedConnection

LINE = b"GET / HTTP/1.1\r\nhost: x\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def _length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that says how long the body of a request is."""
    config = uvicorn.Config(Starlette(routes=[Route("/", _length, methods=["GET", "POST"])]), log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedConnection(config, state, {}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()


async def answer(port: int, *parts: bytes) -> bytes:
    """All that comes back, until the server closes or says nothing for half a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        async with asyncio.timeout(0.5):
            while part := await reader.read(1000):
                found += part
        return found + b" and closed"
    except ConnectionError:
        return found + b" and closed"
    except TimeoutError:
        return found
    finally:
        writer.close()


async def test_requests_are_answered_one_after_the_other(port: int) -> None:
    body = POST + b"content-length: 100000\r\n\r\n" + b"x" * 100_000

    found = await answer(port, LINE + b"\r\n", body, body + LINE[:20], LINE[20:] + b"\r\n")

    assert [found.count(b"\r\n\r\n" + text) for text in (b"0", b"100000")] == [2, 2]
    assert not found.endswith(b"closed")


@pytest.mark.parametrize(
    "line", [b"x: " + b"a" * 1000 + b"\r\n", b"a" * 1000], ids=["many lines", "one line"]
)
async def test_a_head_without_end_is_refused(port: int, line: bytes) -> None:
    found = await answer(port, LINE, *[line] * (HEAD_BYTES_MAX // 1000 + 1))

    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.endswith(b"closed")


@pytest.mark.parametrize(
    "sent", [b"", LINE, POST + b"content-length: 9\r\n\r\nx"], ids=["none", "head", "body"]
)
async def test_a_request_that_does_not_end_is_left_alone(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS_MAX", 0.1)

    assert (await answer(port, sent)).endswith(b"and closed")


async def test_no_more_connections_are_served_than_are_allowed(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 1)
    _, first = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.05)

    assert await answer(port, LINE + b"\r\n") == b" and closed"

    first.close()
    await asyncio.sleep(0.05)
    assert b"200 OK" in await answer(port, LINE + b"\r\n")
