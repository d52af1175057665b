"""Subscriptions over a real socket, from a client of another make: what only a connection can show."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from laurel.risk.v1 import risk_pb2
from services.gateway import connections
from services.gateway.metrics import SUBSCRIPTIONS_ENDED, WEBSOCKETS_CLOSED
from services.gateway.server import uvicorn_config
from tests.gateway.conftest import HOST, Graph, gateway
from tests.gateway.sockets import PROTOCOL, SUBSCRIPTION
from tests.gateway.world import member_id

# Sixty kilobytes for a hundred changes.
MUCH = (
    "subscription ($id: ID!) { memberChanged(memberId: $id) { "
    + " ".join(
        f"a{number}: changes {{ ... on StandingChanged {{ recordedTime level }} }}" for number in range(12)
    )
    + " } }"
)


@dataclass
class Served:
    """A gateway that listens."""

    graph: Graph
    port: int
    server: uvicorn.Server

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[ClientConnection]:
        """A WebSocket; pings of its own are left out."""
        async with connect(
            f"ws://{HOST}:{self.port}/graphql",
            host="127.0.0.1",
            subprotocols=[Subprotocol(PROTOCOL)],
            ping_interval=None,
            **options,
        ) as client:
            yield client

    async def subscribed(self, client: ClientConnection, query: str = SUBSCRIPTION) -> Any:
        """The first event of a subscription on this connection."""
        await said(client, type="connection_init", payload={"authorization": f"Bearer {self.graph.token()}"})
        assert await heard(client) == {"type": "connection_ack"}
        payload = {"query": query, "variables": {"id": member_id(1)}}
        await said(client, type="subscribe", id="1", payload=payload)
        return (await heard(client))["payload"]["data"]["memberChanged"]

    def tell(self, count: int = 1) -> None:
        change = risk_pb2.StandingChange(level=risk_pb2.RISK_LEVEL_LOW, integrity=50)
        for _ in range(count):
            self.graph.services.risk.fake.told.tell(member_id(1), standing_changed=change)


async def said(client: ClientConnection, **message: object) -> None:
    await client.send(json.dumps(message))


async def heard(client: ClientConnection) -> Any:
    async with asyncio.timeout(20):
        return json.loads(await client.recv())


async def close_code(client: ClientConnection) -> int | None:
    """How the connection ends, whatever comes before."""
    async with asyncio.timeout(30):
        try:
            while True:
                await client.recv()
        except ConnectionClosed:
            return client.close_code


@asynccontextmanager
async def served(keys: Path, **changes: Any) -> AsyncIterator[Served]:
    async with gateway(keys, port=0, **changes) as graph:
        server = uvicorn.Server(uvicorn_config(graph.app, graph.settings))
        serving = asyncio.create_task(server._serve())
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(graph, port, server)
        server.should_exit = True
        await serving


@pytest.fixture
async def live(keys: Path) -> AsyncIterator[Served]:
    async with served(keys) as live:
        yield live


async def test_changes_come_over_a_real_connection(live: Served) -> None:
    async with live.client() as client:
        first = await live.subscribed(client)
        live.tell()
        second = await heard(client)
        await said(client, type="complete", id="1")
        await said(client, type="ping")
        pong = await heard(client)

    assert client.subprotocol == PROTOCOL
    assert client.response is not None
    assert "sec-websocket-extensions" not in client.response.headers  # compressed bombs are none of ours
    assert first["cursor"] == "m0.b0.r0"
    assert second["payload"]["data"]["memberChanged"]["cursor"] == "m0.b0.r1"
    assert pong == {"type": "pong"}


async def test_a_bad_token_in_the_header_is_answered_as_by_post(live: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with live.client(additional_headers={"authorization": "Bearer forged"}):
            pass

    response = refused.value.response
    assert response.status_code == 401
    assert json.loads(response.body)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_message_that_is_too_long_ends_the_connection(live: Served) -> None:
    async with live.client() as client:
        await client.send("x" * 40_000)

        assert await close_code(client) == 1009


async def test_a_gateway_that_stops_tells_its_clients_to_come_again(live: Served) -> None:
    async with live.client() as client:
        await live.subscribed(client)
        live.server.should_exit = True

        assert await close_code(client) == 1012


async def test_who_takes_nothing_is_cut_off_and_keeps_nobody_from_stopping(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CLOSE_SECONDS_MAX", 0.2)
    async with served(keys, websocket_slow_seconds=0.2) as live:
        dropped = WEBSOCKETS_CLOSED.labels(1013)._value.get()
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.setblocking(False)
        await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", live.port))
        async with connect(
            f"ws://{HOST}/graphql",
            sock=small,
            subprotocols=[Subprotocol(PROTOCOL)],
            ping_interval=None,
            max_queue=1,
            close_timeout=0.1,
        ) as client:
            await live.subscribed(client, query=MUCH)
            state = live.server.server_state
            async with asyncio.timeout(60):
                while state.connections:
                    live.tell(100)
                    await asyncio.sleep(0.01)

    assert WEBSOCKETS_CLOSED.labels(1013)._value.get() == dropped + 1


async def test_a_flood_of_pings_whose_pongs_nobody_takes_ends_the_connection(
    live: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNTAKEN_BYTES_MAX", 10_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=1)
    writer.write(
        b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    )
    ping = b"\x89\xfd" + b"\0\0\0\0" + b"x" * 125

    async def flood() -> None:
        while True:
            writer.write(ping * 1_000)
            await writer.drain()

    async with asyncio.timeout(60):
        with pytest.raises(ConnectionError):
            await flood()

    assert reader.at_eof() or reader.exception() is not None
    writer.close()


def asked_for(live: Served, query: str = SUBSCRIPTION) -> bytes:
    """The request for a stream of server-sent events."""
    body = json.dumps({"query": query, "variables": {"id": member_id(1)}}).encode()
    head = (
        f"POST /graphql/stream HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {live.graph.token()}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def test_a_stream_ends_without_completion_when_its_replica_stops(keys: Path) -> None:
    async with served(keys, drain_seconds=60) as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(asked_for(live))
        async with asyncio.timeout(20):
            await reader.readuntil(b"m0.b0.r0")
        live.tell()
        async with asyncio.timeout(20):
            await reader.readuntil(b"m0.b0.r1")

        live.server.should_exit = True

        async with asyncio.timeout(20):
            rest = await reader.read()
        writer.close()
    assert b"event: complete" not in rest


async def test_a_stream_whose_client_takes_nothing_is_cut(keys: Path) -> None:
    async with served(keys, websocket_slow_seconds=0.2) as live:
        slow = SUBSCRIPTIONS_ENDED.labels("slow")._value.get()
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.setblocking(False)
        await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", live.port))
        await asyncio.get_running_loop().sock_sendall(small, asked_for(live, MUCH))
        async with asyncio.timeout(60):
            while SUBSCRIPTIONS_ENDED.labels("slow")._value.get() == slow:
                live.tell(100)
                await asyncio.sleep(0.01)
            while live.server.server_state.connections:
                await asyncio.sleep(0.01)
        small.close()
