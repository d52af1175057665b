"""HTTP/2 written frame by frame over mutual TLS, also as no library would write it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import grpc
from hpack import Decoder, Encoder, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)

from libs.common.tls import TlsFiles
from tests.attacks.verdicts import Answer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SECONDS_MAX = 5.0
FRAME_HEAD = 9
ERRORS = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 11: "ENHANCE_YOUR_CALM"}
# Codes of gRPC by their numbers.
NAMES = {str(code.value[0]): code.name for code in grpc.StatusCode}
Headers = Sequence[tuple[str, str]]


class Http2:
    """One connection of ours. What comes back is read as it comes: a reset would take it away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._encoder, self._decoder = Encoder(), Decoder()
        self._came: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Read frames until the other side ends."""
        with suppress(OSError, asyncio.IncompleteReadError, HyperframeError):
            while True:
                head = await self._reader.readexactly(FRAME_HEAD)
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(await self._reader.readexactly(length)))
                self._came.put_nowait(frame)
        self._came.put_nowait(None)

    def block(self, headers: Headers) -> bytes:
        """Headers as they are compressed on this connection."""
        return bytes(self._encoder.encode(headers))

    def headers(self, stream: int, headers: Headers, *, end: bool = False) -> HeadersFrame:
        """The whole head of a stream."""
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return HeadersFrame(stream, data=self.block(headers), flags=flags)

    async def write(self, *frames: Frame | bytes) -> bool:
        """Send frames, or bytes that are none; False when the other side has gone or takes no more."""
        if self._reading.done() or self._writer.is_closing():
            return False
        content = (each if isinstance(each, bytes) else each.serialize() for each in frames)
        try:
            self._writer.write(b"".join(content))
            async with asyncio.timeout(SECONDS_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError):
            return False
        return True

    async def frames(self, seconds: float = SECONDS_MAX) -> AsyncIterator[Frame]:
        """What comes back, until the other side ends or says nothing for so long."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    frame = await self._came.get()
            except TimeoutError:
                return
            if frame is None:
                return
            yield frame

    async def ended(self, seconds: float = SECONDS_MAX) -> str:
        """How the other side ends the connection; `open` when it does not."""
        goodbye = ""
        async for frame in self.frames(seconds):
            if isinstance(frame, GoAwayFrame):
                goodbye = f"GOAWAY {ERRORS.get(frame.error_code, frame.error_code)}"
        return goodbye or self._state()

    def _state(self) -> str:
        return "closed" if self._reading.done() else "open"

    async def answer(self, stream: int, seconds: float = SECONDS_MAX) -> Answer:
        """The answer to one stream, as gRPC gives one."""
        started = time.perf_counter()
        told: dict[str, str] = {}
        outcome = ""
        async for frame in self.frames(seconds):
            if isinstance(frame, HeadersFrame) and frame.stream_id == stream:
                told |= self._decoded(frame.data)
                if "END_STREAM" in frame.flags:
                    break
            if isinstance(frame, RstStreamFrame) and frame.stream_id == stream:
                outcome = f"RST_STREAM {ERRORS.get(frame.error_code, frame.error_code)}"
                break
            if isinstance(frame, GoAwayFrame):
                outcome = f"GOAWAY {ERRORS.get(frame.error_code, frame.error_code)}"
        if "grpc-status" in told:
            outcome = NAMES[told["grpc-status"]]
        elif ":status" in told:
            outcome = told[":status"]
        return Answer(outcome or self._state(), str(told), seconds=time.perf_counter() - started)

    def _decoded(self, block: bytes) -> dict[str, str]:
        with suppress(HPACKError):
            return {str(name): str(value) for name, value in self._decoder.decode(block)}
        return {}

    def close(self) -> None:
        """End it without a word."""
        self._reading.cancel()
        self._writer.transport.abort()


@asynccontextmanager
async def connected(address: str, files: TlsFiles, *, greet: bool = True) -> AsyncIterator[Http2]:
    """A connection to a service that shows this certificate."""
    context = ssl.create_default_context(cafile=files.authority)
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(files.certificate, files.key)
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="localhost")
    connection = Http2(reader, writer)
    try:
        if greet:
            await connection.write(PREFACE, SettingsFrame(0))
        yield connection
    finally:
        connection.close()


def request_head(path: str, **changes: str | None) -> list[tuple[str, str]]:
    """The head of a gRPC request, but for some headers; None leaves one out."""
    head: dict[str, str | None] = {
        ":method": "POST",
        ":scheme": "https",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return [(name, value) for name, value in head.items() if value is not None]


def message_frame(stream: int, payload: bytes, *, compressed: bool = False, end: bool = True) -> DataFrame:
    """One message of gRPC."""
    head = bytes([compressed]) + len(payload).to_bytes(4, "big")
    return DataFrame(stream, data=head + payload, flags=["END_STREAM"] if end else [])
