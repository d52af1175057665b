"""The graph, asked with bytes of any kind: HTTP/1.1 written by hand, a connection for each request."""

import asyncio
import json
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.attacks.verdicts import Answer

SECONDS_MAX = 15.0
JSON = "application/json"
NEWER = "application/graphql-response+json"


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
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = token if isinstance(token, bytes) else token.encode()
        lines = {
            "host": f"{self.host}:{self.port}",
            "accept": accept,
            "content-type": content_type,
            "content-length": str(len(content)),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = f"POST {path} HTTP/1.1\r\n".encode()
        head += b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items() if value)
        if bearer:
            head += b"authorization: Bearer " + bearer + b"\r\n"
        return await self.send(head + b"\r\n" + content)

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
