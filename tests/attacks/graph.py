"""The graph, asked with bytes of any kind: HTTP/1.1 written by hand, a connection for each request."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.attacks.verdicts import Answer

SECONDS_MAX = 15.0
JSON = "application/json"
NEWER = "application/graphql-response+json"
EVENTS, STREAM = "text/event-stream", "/graphql/stream"
LINE_BYTES_MAX = 64 * 1024


class Graph:
    """A gateway by its address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)

    async def post(
        self,
        body: bytes | Mapping[str, object],
        *,
        token: str | bytes,
        accept: str = NEWER,
        content_type: str = JSON,
        path: str = "/graphql",
        **headers: str,
    ) -> Answer:
        """POST a body, by default as frontends do."""
        lines = {"accept": accept, "content-type": content_type}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send(self._request(path, body, token, lines))

    def _request(
        self, path: str, body: bytes | Mapping[str, object], token: str | bytes, headers: Mapping[str, str]
    ) -> bytes:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = token if isinstance(token, bytes) else token.encode()
        lines = {"host": f"{self.host}:{self.port}", "content-length": str(len(content)), **headers}
        head = f"POST {path} HTTP/1.1\r\n".encode()
        head += b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items() if value)
        if bearer:
            head += b"authorization: Bearer " + bearer + b"\r\n"
        return head + b"\r\n" + content

    @asynccontextmanager
    async def stream(
        self, body: Mapping[str, object], *, token: str, accept: str = EVENTS, bytes_taken: int = 0
    ) -> AsyncIterator["EventStream"]:
        """Ask for an event stream, until the block ends, by a socket that takes so few bytes."""
        request = self._request(STREAM, body, token, {"accept": accept, "content-type": JSON})
        async with self.streamed(request, bytes_taken=bytes_taken) as stream:
            yield stream

    @asynccontextmanager
    async def streamed(self, request: bytes, *, bytes_taken: int = 0) -> AsyncIterator["EventStream"]:
        """The same by any bytes."""
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if bytes_taken:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, bytes_taken)
        found.setblocking(False)
        await asyncio.get_running_loop().sock_connect(found, (self.host, self.port))
        reader, writer = await asyncio.open_connection(sock=found, limit=bytes_taken or LINE_BYTES_MAX)
        try:
            sending = asyncio.ensure_future(_write(writer, request))
            yield EventStream(reader)
            sending.cancel()
        finally:
            writer.transport.abort()

    async def send(self, request: bytes) -> Answer:
        """Write bytes, and read one answer to them; `closed` when there is none."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                head, body = await self._exchange(request)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return Answer("closed", seconds=time.perf_counter() - started)
        except TimeoutError:
            return Answer("no answer", seconds=time.perf_counter() - started)
        return answered(head, body, time.perf_counter() - started)

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            # An answer may come before all is sent, and the rest is then of no use.
            sending = asyncio.ensure_future(_write(writer, request))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(length_of(head))
            sending.cancel()
            return head, body
        finally:
            writer.close()


class EventStream:
    """What comes over a stream of events."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self._text = reader, ""

    async def first(self) -> Answer:
        """How it begins: its first event, and whether it ends with that; or why there is none."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(SECONDS_MAX):
                head = await self._reader.readuntil(b"\r\n\r\n")
                if b"text/event-stream" not in head.lower():
                    body = await self._reader.readexactly(length_of(head))
                    return answered(head, body, time.perf_counter() - started)
                return await self._told(head, started)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return Answer("closed", seconds=time.perf_counter() - started)
        except TimeoutError:
            return Answer("no answer", seconds=time.perf_counter() - started)

    async def next(self, seconds: float = SECONDS_MAX) -> Answer:
        """The next event."""
        try:
            async with asyncio.timeout(seconds):
                return await self._told(b"HTTP/1.1 200 OK\r\n\r\n", time.perf_counter())
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer("closed")
        except TimeoutError:
            return Answer("silence")

    async def _told(self, head: bytes, started: float) -> Answer:
        event = await self._event()
        answer = answered(head, event.partition("data:")[2].encode(), time.perf_counter() - started)
        if answer.refused and not (await self._event()).startswith("event: complete"):
            return Answer(f"{answer.outcome}, and goes on", answer.text)
        return answer

    async def _event(self) -> str:
        """The next event, which comments are not."""
        while True:
            while "\n\n" not in self._text:
                size = int(await self._reader.readuntil(b"\r\n"), 16)
                self._text += (await self._reader.readexactly(size)).decode("utf-8", "replace")
                await self._reader.readexactly(2)
                if not size:
                    raise asyncio.IncompleteReadError(b"", None)
            event, _, self._text = self._text.partition("\n\n")
            if not event.startswith(":"):
                return event


async def _write(writer: asyncio.StreamWriter, request: bytes) -> None:
    try:
        writer.write(request)
        await writer.drain()
    except ConnectionError:
        pass  # the reader hears of it


def length_of(head: bytes) -> int:
    """How long the body of an answer is."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def answered(head: bytes, body: bytes, seconds: float) -> Answer:
    """What an answer over HTTP says."""
    status = head.split(b" ", 2)[1].decode()
    text = f"{head.decode('latin-1')}{body.decode('utf-8', 'replace')}"
    try:
        document = json.loads(body)
    except ValueError:
        return Answer(status, text, refused=True, seconds=seconds)
    if not isinstance(document, dict):
        return Answer(status, text, refused=True, seconds=seconds)
    codes = {each.get("extensions", {}).get("code", "UNCODED") for each in document.get("errors", ())}
    said = "+".join(sorted(codes)) or "OK"
    executed = document.get("data") is not None or not codes
    return Answer(f"{status} {said}", text, refused=not executed, seconds=seconds)
