"""The protocol of subscriptions: who connects, what is refused, and why a connection is closed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from laurel.risk.v1 import risk_pb2
from libs.common.clock import now
from libs.common.tokens import TokenSigner
from services.gateway.codes import Code
from services.gateway.sockets import connection
from tests.gateway.conftest import ORIGIN, Graph, gateway
from tests.gateway.sockets import SUBSCRIPTION, a_socket, connected, no_events_left
from tests.gateway.world import PROGRAM, member_id


def subscribe(**payload: object) -> dict[str, Any]:
    return {"type": "subscribe", "id": "1", "payload": {"query": "subscription { a }", **payload}}


async def test_who_says_a_good_token_is_acknowledged(graph: Graph) -> None:
    async with connected(graph, graph.token("member", subject=member_id(1))) as socket:
        socket.say(type="ping", payload={"any": "thing"})

        assert await socket.heard() == {"type": "pong"}


async def test_who_sends_the_token_as_a_header_need_not_say_it_again(graph: Graph) -> None:
    header = (b"authorization", f"Bearer {graph.token()}".encode())
    async with a_socket(graph, header) as socket:
        await socket.event()
        socket.say(type="connection_init")

        assert await socket.heard() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "headers", [[(b"authorization", b"Bearer forged")], [(b"authorization", b"Basic x")]]
)
async def test_a_bad_token_in_the_header_is_answered_by_http(
    graph: Graph, headers: list[tuple[bytes, bytes]]
) -> None:
    async with a_socket(graph, *headers) as socket:
        denied = await socket.event()

    assert (denied["type"], denied["status"]) == ("websocket.http.response.start", 401)


@pytest.mark.parametrize(
    ("payload", "closed"),
    [
        (None, (4401, "Unauthorized")),
        ({}, (4401, "Unauthorized")),
        ({"authorization": "Bearer forged"}, (4401, "Unauthorized")),
        ({"authorization": ""}, (4401, "Unauthorized")),
        ({"Authorization": "Bearer a", "authorization": "Bearer b"}, (4401, "Unauthorized")),
        ({"authorization": 5}, (4400, "Invalid message: authorization has the wrong type")),
        ([], (4400, "Invalid message: payload has the wrong type")),
    ],
)
async def test_who_says_no_good_token_is_sent_away(graph: Graph, payload: object, closed: object) -> None:
    async with a_socket(graph) as socket:
        await socket.event()
        socket.say(type="connection_init", payload=payload)

        assert await socket.closed() == closed


async def test_a_token_of_no_program_sees_no_graph(graph: Graph) -> None:
    async with a_socket(graph) as socket:
        await socket.event()
        socket.say(
            type="connection_init",
            payload={"authorization": f"Bearer {graph.token('service', program_id=None)}"},
        )

        assert await socket.closed() == (4403, "Forbidden")


async def test_who_says_nothing_is_sent_away(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "INIT_SECONDS", 0.05)
    async with a_socket(graph) as socket:
        await socket.event()

        assert await socket.closed() == (4408, "Connection initialisation timeout")


async def test_who_subscribes_to_nothing_is_sent_away(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.05)
    async with connected(graph) as socket:
        assert await socket.closed() == (1000, "Idle")


@pytest.mark.parametrize("subprotocols", [[], ["graphql-ws"]], ids=["none", "the old one"])
async def test_only_the_one_protocol_is_spoken(graph: Graph, subprotocols: list[str]) -> None:
    async with a_socket(graph, subprotocols=subprotocols) as socket:
        await socket.event()

        assert await socket.closed() == (4406, "Only graphql-transport-ws is spoken")


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        (ORIGIN, True),
        ("http://gateway", True),
        ("https://evil.example", False),
        (f"{ORIGIN}.evil.example", False),
        ("null", False),
    ],
)
async def test_pages_of_other_origins_do_not_connect(graph: Graph, origin: str, accepted: bool) -> None:
    async with a_socket(graph, (b"origin", origin.encode())) as socket:
        answered = await socket.event()

    assert answered["type"] == ("websocket.accept" if accepted else "websocket.http.response.start")
    assert answered.get("status") == (None if accepted else 403)


async def test_the_host_must_be_one_of_ours(graph: Graph) -> None:
    async with a_socket(graph, (b"host", b"evil.example")) as socket:
        answered = await socket.event()

    assert (answered["type"], answered["status"]) == ("websocket.http.response.start", 400)


async def test_there_are_only_so_many_connections(keys: Path) -> None:
    async with gateway(keys, websockets_max=1) as graph:
        async with connected(graph), a_socket(graph) as socket:
            await socket.event()

            assert await socket.closed() == (1013, "Too many connections")
        async with connected(graph):
            pass


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no JSON"),
        ("[" * 5_000, "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "no type of message"),
        ('{"type": "start"}', "no type of message"),
        ('{"type": "connection_ack"}', "no type of message"),
        (json.dumps({"type": "ping", "payload": 5}), "payload has the wrong type"),
        (json.dumps({"type": "complete"}), "no id"),
        (json.dumps({"type": "complete", "id": 5}), "id has the wrong type"),
        (json.dumps({**subscribe(), "id": "x" * 129}), "no id"),
        (json.dumps({**subscribe(), "payload": None}), "the request has no query"),
        (json.dumps(subscribe(query="")), "the request has no query"),
        (json.dumps(subscribe(query=5)), "query has the wrong type"),
        (json.dumps(subscribe(variables=[])), "variables has the wrong type"),
        (json.dumps(subscribe(operationName={})), "operationName has the wrong type"),
        (json.dumps(subscribe(extensions="x")), "extensions has the wrong type"),
    ],
)
async def test_what_is_no_message_closes_the_connection(graph: Graph, text: str, why: str) -> None:
    async with connected(graph) as socket:
        socket.say_text(text)

        assert await socket.closed() == (4400, f"Invalid message: {why}")


async def test_bytes_are_no_message(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.say_bytes(b'{"type": "ping"}')

        assert await socket.closed() == (4400, "Invalid message: no text")


async def test_nobody_subscribes_before_they_are_known(graph: Graph) -> None:
    async with a_socket(graph) as socket:
        await socket.event()
        socket.subscribe()

        assert await socket.closed() == (4401, "Unauthorized")


async def test_nobody_is_known_twice(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.say(type="connection_init", payload={})

        assert await socket.closed() == (4429, "Too many initialisation requests")


async def test_an_id_is_for_one_subscription_at_a_time(graph: Graph) -> None:
    async with connected(graph) as socket:
        socket.subscribe("mine")
        await socket.change("mine")
        socket.say(type="complete", id="mine")
        socket.say(type="complete", id="nobody's")
        socket.subscribe("mine")
        await socket.change("mine")
        socket.subscribe("mine")

        assert await socket.closed() == (4409, "Subscriber for mine already exists")


async def test_a_connection_has_ten_subscriptions_and_no_more(graph: Graph) -> None:
    async with connected(graph) as socket:
        for number in range(10):
            socket.subscribe(str(number))
            await socket.change(str(number))
        socket.subscribe("another")

        assert (await socket.error("another"))["extensions"]["code"] == Code.SUBSCRIPTION_LIMIT

        socket.say(type="complete", id="3")
        socket.subscribe("another")
        await socket.change("another")


@pytest.mark.parametrize("limit", ["subscriptions_max", "subscriptions_per_principal_max"])
async def test_one_and_all_have_so_many_subscriptions(keys: Path, limit: str) -> None:
    async with gateway(keys, **{limit: 1}) as graph, connected(graph) as one, connected(graph) as other:
        one.subscribe()
        await one.change()
        other.subscribe()

        assert (await other.error())["extensions"]["code"] == Code.SUBSCRIPTION_LIMIT


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", Code.GRAPHQL_PARSE_FAILED),
        ("subscription { nothing }", Code.GRAPHQL_VALIDATION_FAILED),
        (f'{{ member(id: "{member_id(1)}") {{ id }} }}', Code.BAD_REQUEST),
        ("mutation { a: __typename }", Code.BAD_REQUEST),
        ("subscription { memberChanged(memberId: 5) { cursor } }", Code.BAD_USER_INPUT),
        ('subscription { memberChanged(memberId: "x") { cursor } }', Code.BAD_USER_INPUT),
        (
            "subscription { "
            + " ".join(f"a{n}: memberChanged(memberId: 5) {{ cursor }}" for n in range(16))
            + " }",
            Code.ALIAS_LIMIT,
        ),
        (
            'subscription { memberChanged(memberId: "'
            + member_id(1)
            + '") { member { points { entries(first: 100) { id } } } } }',
            None,
        ),
    ],
)
async def test_a_subscription_has_the_limits_of_a_query(graph: Graph, query: str, code: str | None) -> None:
    async with connected(graph) as socket:
        socket.subscribe(query=query)

        if code is None:
            assert (await socket.heard())["type"] == "next"
        else:
            assert (await socket.error())["extensions"]["code"] == code


async def test_a_subscription_that_costs_too_much_is_not_begun(keys: Path) -> None:
    async with gateway(keys, cost_max=11) as graph, connected(graph) as socket:
        socket.subscribe()

        assert (await socket.error())["extensions"]["code"] == Code.COST_LIMIT


async def test_who_says_too_much_is_sent_away(keys: Path) -> None:
    async with gateway(keys, cost_per_minute=5) as graph, connected(graph) as socket:
        for _ in range(6):
            socket.say(type="pong")

        assert await socket.closed() == (4429, "Too many requests")


async def test_a_subscription_is_not_begun_by_post(graph: Graph) -> None:
    response = await graph.post({"query": SUBSCRIPTION, "variables": {"id": member_id(1)}})

    assert response.json()["errors"][0]["extensions"]["code"] == Code.BAD_REQUEST


async def test_subscriptions_end_soon_after_their_token(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CHECK_SECONDS", 0.05)
    token = TokenSigner.token(  # good for one more second: clocks may differ by half a minute
        graph.signer,
        "ann",
        "staff",
        now=now() - timedelta(seconds=60),
        ttl=timedelta(seconds=31),
        program_id=PROGRAM,
        roles=["compliance_officer"],
    )
    async with connected(graph, token) as socket:
        socket.subscribe("one")
        await socket.change("one")

        assert (await socket.error("one"))["extensions"]["code"] == Code.UNAUTHENTICATED
        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_client_that_takes_nothing_is_sent_away(keys: Path) -> None:
    async with gateway(keys, websocket_slow_seconds=0.1) as graph:
        with no_events_left():
            async with connected(graph) as socket:
                socket.subscribe()
                await socket.change()
                socket.takes.clear()
                change = risk_pb2.StandingChange(level=risk_pb2.RISK_LEVEL_LOW, integrity=50)
                graph.services.risk.fake.told.tell(member_id(1), standing_changed=change)

                assert await socket.closed() == (1013, "Too slow: resume after the last cursor")
