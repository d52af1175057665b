"""What one connection may send, and for how long: HTTP as uvicorn speaks it, with an end to everything."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 16 * 1024
REQUEST_SECONDS_MAX = 10.0
"""From the first byte of a request to its last, and from the connection to the first byte."""
CONNECTIONS_MAX = 1_000


class BoundedConnection(HttpToolsProtocol):
    """One connection. The parser keeps a head until it is whole, however long and slow it comes."""

    _in_head, _head_bytes = True, 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
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
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

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
