"""Who is answered at all: hosts, origins, methods, and those who have spent their budget."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from pydantic import ValidationError

from services.gateway.hosts import TrustedHosts
from services.gateway.settings import GatewaySettings
from tests.gateway.conftest import HOST, ORIGIN, Graph, gateway

VERSION = {"query": "{ __typename }"}
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["extensions"]["code"])


def settings_with(**changes: Any) -> GatewaySettings:
    addresses: dict[str, Any] = dict.fromkeys(
        ("members_address", "scoring_address", "benefits_address", "risk_address"), ""
    )
    return GatewaySettings(
        key_set_file=Path("keys.json"), development=True, port=0, metrics_port=0, **addresses, **changes
    )


# Hosts


@pytest.mark.parametrize("host", [HOST, f"{HOST}:8080", HOST.upper()])
async def test_a_host_of_the_settings_is_answered_on_any_port(graph: Graph, host: str) -> None:
    assert (await graph.post(VERSION, host=host)).status_code == 200


async def test_loopback_is_answered_unless_the_settings_say_else(keys: Path) -> None:
    async with gateway(keys, trusted_hosts=("localhost", "127.0.0.1", "[::1]")) as graph:
        hosts = ("localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]")
        statuses = [(await graph.post(VERSION, host=host)).status_code for host in hosts]
        other = await graph.post(VERSION, host=HOST)

    assert statuses == [200] * 4
    assert (other.status_code, code(other)) == (400, "HOST_NOT_ALLOWED")


async def test_what_a_proxy_says_of_the_host_is_not_looked_at(graph: Graph) -> None:
    forged = {"x-forwarded-host": HOST, "forwarded": f"host={HOST}"}

    response = await graph.post(VERSION, host="evil.example", **forged)

    assert code(response) == "HOST_NOT_ALLOWED"


@pytest.mark.parametrize("hosts", [[], [HOST, "evil.example"], [HOST, HOST]], ids=["none", "two", "twice"])
async def test_a_request_names_exactly_one_host(hosts: list[str]) -> None:
    sent: list[dict[str, Any]] = []

    async def served(*_: object) -> None:
        sent.append({"status": 200})

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http",
        "path": "/graphql",
        "headers": [(b"host", host.encode()) for host in hosts],
    }
    await TrustedHosts(served, names=[HOST])(scope, None, send)  # type: ignore[arg-type]

    assert sent[0]["status"] == 400


async def test_a_probe_is_answered_under_any_host(graph: Graph) -> None:
    response = await graph.http.get("/healthz", headers={"host": "10.0.0.7:8080"})

    assert response.status_code == 200


# Origins


async def test_a_page_of_a_named_origin_may_ask_with_a_token_and_without_cookies(graph: Graph) -> None:
    response = await graph.http.options("/graphql", headers=PREFLIGHT)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-methods"] == "POST"
    assert {"authorization", "content-type"} <= set(
        response.headers["access-control-allow-headers"].lower().split(", ")
    )
    assert "access-control-allow-credentials" not in response.headers
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": f"{ORIGIN}.evil.example"},
        {"origin": ORIGIN.replace("https", "http")},
        {"access-control-request-method": "PUT"},
        {"access-control-request-headers": "x-admin"},
    ],
    ids=str,
)
async def test_everything_else_is_refused_before_the_page_may_ask(
    graph: Graph, changes: dict[str, str]
) -> None:
    assert (await graph.http.options("/graphql", headers=PREFLIGHT | changes)).status_code == 400


async def test_the_answer_itself_depends_on_the_origin_and_what_is_accepted(graph: Graph) -> None:
    named = await graph.post(VERSION, origin=ORIGIN)
    other = await graph.post(VERSION, origin="https://elsewhere.example")

    assert named.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in other.headers
    for response in (named, other):
        assert {"Accept", "Origin"} <= set(response.headers["vary"].split(", "))
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["cache-control"] == "no-store"


async def test_a_page_can_read_the_id_and_the_delay_of_a_refusal(graph: Graph) -> None:
    exposed = (await graph.post(VERSION, origin=ORIGIN)).headers["access-control-expose-headers"]

    assert set(exposed.lower().split(", ")) == {"retry-after", "x-request-id"}


# Methods


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_is_executed_but_by_post(graph: Graph, method: str) -> None:
    response = await graph.http.request(method, "/graphql", params={"query": "{__typename}"})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_the_page_to_try_the_graph_is_for_developers(production: Graph) -> None:
    response = await production.http.get("/graphiql")

    assert (response.status_code, code(response)) == (404, "NOT_FOUND")


async def test_an_administrator_may_introspect_a_deployed_graph(production: Graph) -> None:
    body = {"query": get_introspection_query()}

    answered = await production.post(body, token=production.token(roles=["system_administrator"]))
    refused = await production.post(body, token=production.token(roles=["store_manager"]))

    assert "data" in answered.json(), answered.text
    assert code(refused) == "INTROSPECTION_CLOSED"


# Budgets


async def test_who_has_spent_the_budget_waits_and_nobody_else_does(keys: Path) -> None:
    async with gateway(keys, cost_per_minute=60) as graph:
        page = {"query": "{ members(first: 50) { edges { cursor } } }"}
        await graph.post(page, token=graph.token(subject="ann"))
        calls = dict(graph.services.asked.calls)

        refused = await graph.post(page, token=graph.token(subject="ann"))
        other = await graph.post(VERSION, token=graph.token(subject="bob"))

    assert (refused.status_code, code(refused)) == (429, "RATE_LIMITED")
    assert 49 <= int(refused.headers["retry-after"]) <= 50
    assert refused.json()["errors"][0]["extensions"]["retryAfterSeconds"] == int(
        refused.headers["retry-after"]
    )
    assert other.json() == {"data": {"__typename": "Query"}}
    assert dict(graph.services.asked.calls) == calls


async def test_the_fields_of_an_operation_are_paid_for_one_by_one(keys: Path) -> None:
    aliases = " ".join(f'm{number}: member(id: "mem_{number:032x}") {{ id }}' for number in range(15))

    async with gateway(keys, cost_per_minute=50) as graph:
        first = await graph.post({"query": f"{{ {aliases} }}"})
        second = await graph.post({"query": f"{{ {aliases} }}"})

    assert (first.status_code, second.status_code) == (200, 429)


# Limits


async def test_a_body_that_does_not_end_is_given_up_in_time(keys: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"query":'
        await asyncio.sleep(30)

    async with gateway(keys, request_seconds_max=0.2) as graph:
        headers = {"authorization": f"Bearer {graph.token()}", "content-type": "application/json"}
        request = graph.http.post("/graphql", content=endless(), headers=headers)
        response = await asyncio.wait_for(request, timeout=5)

    assert (response.status_code, code(response)) == (400, "DEADLINE_EXCEEDED")
    assert response.json()["errors"][0]["extensions"]["retryAfterSeconds"] == 1


async def test_more_than_is_allowed_is_not_even_read(graph: Graph) -> None:
    sent = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            sent.append(1)
            yield b" " * 1024

    headers = {"authorization": f"Bearer {graph.token()}", "content-type": "application/json"}
    response = await graph.http.post("/graphql", content=body(), headers=headers)

    assert code(response) == "BODY_TOO_LARGE"
    assert len(sent) < 40


@pytest.mark.parametrize("origin", ["*", "https://shop.example/", "shop.example", "https://*.example"])
def test_an_origin_that_no_browser_sends_is_no_setting(origin: str) -> None:
    with pytest.raises(ValidationError, match="cors_origins"):
        settings_with(cors_origins=(origin,))


def test_limits_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUREL_COST_PER_MINUTE", "7")
    monkeypatch.setenv("LAUREL_DEPTH_MAX", "")

    settings = settings_with()

    assert (settings.cost_per_minute, settings.depth_max) == (7, 12)


async def test_a_limit_is_a_setting(keys: Path) -> None:
    async with gateway(keys, aliases_max=1) as graph:
        one = await graph.post({"query": "{ a: __typename }"})
        two = await graph.post({"query": "{ a: __typename b: __typename }"})

    assert one.json() == {"data": {"a": "Query"}}
    assert code(two) == "ALIAS_LIMIT"
