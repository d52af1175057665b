"""A client of graphql-transport-ws that speaks to the gateway in this process, message by message."""

import asyncio
import gc
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tests.gateway.conftest import HOST, Graph
from tests.gateway.world import member_id

PROTOCOL = "graphql-transport-ws"
SUBSCRIPTION = """
subscription ($id: ID!, $after: String) {
  memberChanged(memberId: $id, after: $after) {
    cursor
    waitingFor
    changes { __typename ... on EventsRecorded { seqFrom seqTo kinds } ... on StandingChanged { level } }
    member { memberId points { balance } }
  }
}
"""


class Socket:
    """One WebSocket, as an ASGI server would drive it."""

    def __init__(self, app: Any, headers: Sequence[tuple[bytes, bytes]], subprotocols: Sequence[str]) -> None:
        self._app = app
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", HOST.encode()), *headers],
            "subprotocols": list(subprotocols),
            "extensions": {"websocket.http.response": {}},
            "state": {},
        }
        self._to: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.takes = asyncio.Event()
        self.takes.set()

    async def run(self) -> None:
        self._to.put_nowait({"type": "websocket.connect"})
        await self._app(self._scope, self._to.get, self._sent)

    async def _sent(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await self.takes.wait()
        self._from.put_nowait(message)

    def say(self, **message: Any) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        self._to.put_nowait({"type": "websocket.receive", "text": text})

    def say_bytes(self, data: bytes) -> None:
        self._to.put_nowait({"type": "websocket.receive", "bytes": data})

    def go(self) -> None:
        self._to.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def event(self) -> dict[str, Any]:
        """The next that the server does."""
        async with asyncio.timeout(20):
            return await self._from.get()

    async def heard(self) -> Any:
        """The next message."""
        event = await self.event()
        assert event["type"] == "websocket.send", event
        return json.loads(event["text"])

    async def closed(self) -> tuple[int, str]:
        """How it is closed; nothing else may come before."""
        event = await self.event()
        assert event["type"] == "websocket.close", event
        return event["code"], event["reason"]

    async def acknowledged(self, token: str) -> None:
        self.say(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.heard() == {"type": "connection_ack"}

    def subscribe(self, operation_id: str = "1", query: str = SUBSCRIPTION, **variables: object) -> None:
        given = {"id": member_id(1), **variables}
        self.say(type="subscribe", id=operation_id, payload={"query": query, "variables": given})

    async def change(self, operation_id: str = "1") -> Any:
        """The next event of a subscription, without errors."""
        message = await self.heard()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]["memberChanged"]

    async def error(self, operation_id: str = "1") -> Any:
        """The first error that a subscription ends with."""
        message = await self.heard()
        assert (message["type"], message["id"]) == ("error", operation_id), message
        return message["payload"][0]


@asynccontextmanager
async def a_socket(
    graph: Graph, *headers: tuple[bytes, bytes], subprotocols: Sequence[str] = (PROTOCOL,)
) -> AsyncIterator[Socket]:
    """A WebSocket that was asked for; what the server says first is still to come."""
    socket = Socket(graph.app, headers, subprotocols)
    running = asyncio.create_task(socket.run())
    try:
        yield socket
    finally:
        socket.go()
        socket.takes.set()
        async with asyncio.timeout(20):
            await running


@asynccontextmanager
async def connected(graph: Graph, token: str | None = None) -> AsyncIterator[Socket]:
    """A WebSocket on which somebody may subscribe."""
    async with a_socket(graph) as socket:
        accepted = await socket.event()
        assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", PROTOCOL)
        await socket.acknowledged(token or graph.token())
        yield socket


@contextmanager
def no_events_left() -> Iterator[None]:
    """Events are ended by whoever told them, and none are left to be ended as garbage, in no order."""
    before, left = sys.get_asyncgen_hooks(), list[str]()
    sys.set_asyncgen_hooks(finalizer=lambda events: left.append(repr(events)))
    try:
        yield
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*before)
    assert left == []
