"""Subscriptions by server-sent events: what is told, to whom, and how a stream ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from laurel.risk.v1 import risk_pb2
from libs.common.errors import Unauthenticated
from libs.common.tokens import TokenVerifier
from services.gateway import streams
from services.gateway.connections import LINE
from services.gateway.streams import PING
from tests.gateway.conftest import HOST, Graph, gateway
from tests.gateway.sockets import SUBSCRIPTION, no_events_left
from tests.gateway.world import member_id

BODY = {"query": SUBSCRIPTION, "variables": {"id": member_id(1)}}


class FakeLine:
    """A connection as a stream sees it."""

    def __init__(self) -> None:
        self.stopping, self.was_cut = asyncio.Event(), False

    def narrow(self) -> None: ...

    def cut(self) -> None:
        self.was_cut = True


class Client:
    """One request for a stream, as an ASGI server would drive it."""

    def __init__(self, graph: Graph, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._app, self._body, self.line = graph.app, body, FakeLine()
        self._headers = [(b"host", HOST.encode()), (b"content-type", b"application/json"), *headers]
        self._gone, self._sent = asyncio.Event(), asyncio.Queue[dict[str, Any]]()
        self._began = False
        self.takes = asyncio.Event()
        self.takes.set()

    async def run(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql/stream",
            "raw_path": b"/graphql/stream",
            "query_string": b"",
            "root_path": "",
            "headers": self._headers,
            "extensions": {LINE: self.line},
            "state": {},
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._began:
            self._began = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.takes.wait()
        self._sent.put_nowait(message)

    def go(self) -> None:
        self._gone.set()

    async def sent(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return await self._sent.get()

    async def status(self) -> int:
        status: int = (await self.sent())["status"]
        return status

    async def event(self) -> tuple[str, Any]:
        """The next event: its name and its data."""
        message = await self.sent()
        while message["body"] == PING:
            message = await self.sent()
        name, data = message["body"].decode().removesuffix("\n\n").split("\n")
        text = data.removeprefix("data:").strip()
        return name.removeprefix("event: "), json.loads(text) if text else None

    async def change(self) -> Any:
        name, payload = await self.event()
        assert name == "next"
        assert "errors" not in payload, payload
        return payload["data"]["memberChanged"]

    async def error(self) -> str:
        """The code of the error that the stream ends with."""
        name, payload = await self.event()
        assert name == "next"
        assert await self.event() == ("complete", None)
        assert await self.sent() == {"type": "http.response.body", "body": b"", "more_body": False}
        code: str = payload["errors"][0]["extensions"]["code"]
        return code


@asynccontextmanager
async def a_stream(
    graph: Graph, body: object = BODY, *, token: str | None = None, **headers: str
) -> AsyncIterator[Client]:
    """A stream that was asked for; its head is still to come."""
    given = {"authorization": f"Bearer {graph.token() if token is None else token}"} | headers
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value]
    client = Client(graph, json.dumps(body).encode(), pairs)
    running = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        client.go()
        client.takes.set()
        async with asyncio.timeout(20):
            await running


def refused(*_: object) -> None:
    raise Unauthenticated


def open_streams() -> float:
    return REGISTRY.get_sample_value("laurel_event_streams") or 0


async def test_a_stream_begins_with_the_member_and_goes_on_with_changes(graph: Graph) -> None:
    async with a_stream(graph) as client:
        head = await client.sent()
        assert head["status"] == 200
        assert (b"content-type", b"text/event-stream; charset=utf-8") in head["headers"]
        assert (await client.change())["member"]["memberId"] == member_id(1)

        change = risk_pb2.StandingChange(level=risk_pb2.RISK_LEVEL_LOW, integrity=50)
        graph.services.risk.fake.told.tell(member_id(1), standing_changed=change)

        assert [each["__typename"] for each in (await client.change())["changes"]] == ["StandingChanged"]


async def test_a_client_that_goes_leaves_nothing_behind(graph: Graph) -> None:
    before = open_streams()
    async with a_stream(graph) as client:
        await client.status()
        await client.change()
        assert open_streams() == before + 1

    assert open_streams() == before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY, {"authorization": ""}, 401),
        (BODY, {"authorization": "Bearer x"}, 401),
        (BODY, {"content_type": "text/plain"}, 415),
        ([BODY], {}, 400),
        ({"query": ""}, {}, 400),
        ({"query": "x" * 40_000}, {}, 413),
    ],
    ids=["no token", "bad token", "media type", "batch", "no query", "too large"],
)
async def test_what_is_no_request_is_refused_as_a_query_would_be(
    graph: Graph, body: object, headers: dict[str, str], status: int
) -> None:
    if "content_type" in headers:
        token = {"authorization": f"Bearer {graph.token()}", "content-type": headers["content_type"]}
        response = await graph.http.post("/graphql/stream", content=json.dumps(body), headers=token)
        assert response.status_code == status
        return
    async with a_stream(graph, body, **headers) as client:
        assert await client.status() == status


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "subscription { nonsense }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ __typename }"}, "BAD_REQUEST"),
        ({"query": SUBSCRIPTION, "variables": {"id": "nobody"}}, "BAD_USER_INPUT"),
        ({"documentId": "unknown"}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_wrong_with_a_document_is_told_in_the_stream(
    graph: Graph, body: dict[str, Any], code: str
) -> None:
    async with a_stream(graph, body) as client:
        assert await client.status() == 200
        assert await client.error() == code


async def test_the_end_of_a_token_ends_the_stream(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.05)
    async with a_stream(graph) as client:
        await client.status()
        await client.change()

        monkeypatch.setattr(TokenVerifier, "principal", refused)

        assert await client.error() == "UNAUTHENTICATED"


async def test_a_quiet_stream_is_kept_open_by_comments(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(streams, "PING_SECONDS", 0.02)
    async with a_stream(graph) as client:
        await client.status()
        await client.change()

        assert (await client.sent())["body"] == PING


async def test_a_client_that_takes_nothing_is_cut_off(keys: Path) -> None:
    async with gateway(keys, websocket_slow_seconds=0.2) as graph:
        with no_events_left():
            async with a_stream(graph) as client:
                await client.status()
                client.takes.clear()

                async with asyncio.timeout(20):
                    while not client.line.was_cut:
                        await asyncio.sleep(0.01)


async def test_a_replica_that_stops_ends_streams_without_completing_them(graph: Graph) -> None:
    async with a_stream(graph) as client:
        await client.status()
        await client.change()

        client.line.stopping.set()

        assert await client.sent() == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_a_principal_has_so_many_subscriptions_over_streams_and_sockets(keys: Path) -> None:
    async with (
        gateway(keys, subscriptions_per_principal_max=1) as graph,
        a_stream(graph) as first,
        a_stream(graph) as second,
    ):
        assert [await first.status(), await second.status()] == [200, 200]
        await first.change()
        assert await second.error() == "SUBSCRIPTION_LIMIT"


async def test_a_replica_has_so_many_streams(keys: Path) -> None:
    async with gateway(keys, websockets_max=1) as graph, a_stream(graph) as first:
        await first.status()
        async with a_stream(graph) as second:
            assert await second.status() == 400
            assert b"SUBSCRIPTION_LIMIT" in (await second.sent())["body"]
