"""What one connection may send, and for how long: HTTP as uvicorn speaks it, with an end to everything."""

import asyncio
import logging
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_BYTES_MAX = 16 * 1024
REQUEST_SECONDS_MAX = 10.0
"""From the first byte of a request to its last, and from the connection to the first byte."""
CONNECTIONS_MAX = 1_000
CLOSE_SECONDS_MAX = 5.0
"""For a client to take what was sent before its WebSocket is cut."""
KERNEL_BYTES_MAX = 64 * 1024
UNTAKEN_BYTES_MAX = 256 * 1024
"""Pongs that a client asked for and does not take."""


LINE = "laurel.line"
"""The extension of ASGI under which a request finds its connection."""


class Line:
    """What an answer that goes on for long has to do with its connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.stopping = asyncio.Event()
        self._transport = transport

    def narrow(self) -> None:
        """Keep the kernel from taking megabytes for a client before anybody notices that it takes nothing."""
        found = self._transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES_MAX)

    def cut(self) -> None:
        """End the connection without waiting for what was not taken."""
        self._transport.abort()


class BoundedConnection(HttpToolsProtocol):
    """One connection. The parser keeps a head until it is whole, however long and slow it comes."""

    _in_head, _head_bytes = True, 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._line = Line(transport)
        self._wait()
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        in_head = self._in_head
        super().data_received(data)
        if in_head and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._wait()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self.scope["extensions"] = {LINE: self._line}  # type: ignore[dict-item] # of ours alone
        super().on_headers_complete()

    def shutdown(self) -> None:
        super().shutdown()
        self._line.stopping.set()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Give the request until then; what is answered already, and still being sent, too."""
        self._stop_waiting()
        transport: Any = self.transport
        self._late = self.loop.call_later(REQUEST_SECONDS_MAX, transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class BoundedSocket(WebSocketsSansIOProtocol):
    """One WebSocket. Whoever takes nothing neither fills our memory nor keeps us from going."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # It logs the address of each, in which there may be anything.
        self.logger = logging.getLogger("uvicorn.websockets")
        self.logger.setLevel(logging.WARNING)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # Or the kernel takes megabytes for a client before anybody notices that it takes nothing.
        found = transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES_MAX)

    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > UNTAKEN_BYTES_MAX:
            self.transport.abort()

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._cut_later()

    def shutdown(self) -> None:
        super().shutdown()
        self._cut_later()

    def _cut_later(self) -> None:
        self.loop.call_later(CLOSE_SECONDS_MAX, self.transport.abort)
