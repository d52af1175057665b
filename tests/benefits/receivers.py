"""Receivers of webhooks on loopback that do what real ones do, and what they should not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Serve = Callable[["Connection"], Awaitable[None]]


@dataclass
class Received:
    """One request as it came."""

    head: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """A connection to a receiver, and what was read from it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: list[Received]

    async def read(self) -> Received:
        """Read one request."""
        head, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(head, headers, body))
        return self.received[-1]

    async def answer(self, status: int, *headers: str, body: bytes = b"") -> None:
        lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.write("\r\n".join(lines).encode() + body)

    async def write(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()


@dataclass
class Receiver:
    """A receiver that listens; `received` are its requests in order."""

    host: str = "127.0.0.1"
    port: int = 0
    received: list[Received] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    def url(self, path: str = "/hook", *, scheme: str = "http", host: str | None = None) -> str:
        return f"{scheme}://{host or self.host}:{self.port}{path}"


def answering(status: int, *headers: str, body: bytes = b"") -> Serve:
    """Reads a request and answers it."""

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.answer(status, *headers, body=body)

    return serve


@asynccontextmanager
async def receiving(
    serve: Serve, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver that serves each connection so."""
    receiver = Receiver(host)
    if tls is not None:
        tls.sni_callback = lambda _, name, __: receiver.names.append(name)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(Connection(reader, writer, receiver.received))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender has hung up
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
