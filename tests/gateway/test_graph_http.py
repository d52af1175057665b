"""The graph over HTTP: who is let in, media types, statuses, and what is no operation."""

import json
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from tests.gateway.conftest import ORIGIN, Graph
from tests.gateway.world import PROGRAM, member_id

VERSION = {"query": "{ __typename }"}
JSON, GRAPHQL_RESPONSE = "application/json", "application/graphql-response+json"


def _code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_request_without_a_token_is_refused(graph: Graph) -> None:
    response = await graph.http.post("/graphql", json=VERSION)

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert _code(response) == "UNAUTHENTICATED"
    assert "data" not in response.json()


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "x"])
async def test_a_request_with_a_bad_token_is_refused(graph: Graph, authorization: str) -> None:
    response = await graph.http.post("/graphql", json=VERSION, headers={"authorization": authorization})

    assert (response.status_code, _code(response)) == (401, "UNAUTHENTICATED")


async def test_a_token_that_lives_longer_than_allowed_is_refused(graph: Graph) -> None:
    response = await graph.post(VERSION, token=graph.token(ttl=timedelta(hours=1)))

    assert (response.status_code, _code(response)) == (401, "UNAUTHENTICATED")


async def test_a_token_of_no_program_is_forbidden(graph: Graph) -> None:
    response = await graph.post(VERSION, token=graph.token("service", program_id=None))

    assert (response.status_code, _code(response)) == (403, "FORBIDDEN")


async def test_another_program_is_like_one_that_does_not_exist(graph: Graph) -> None:
    query = "query($id: ID!, $key: String!) { member(id: $id) { memberId } program(key: $key) { key } }"
    body = {"query": query, "variables": {"id": member_id(1), "key": PROGRAM}}

    response = await graph.post(body, token=graph.token(program_id="another"))

    assert response.json() == {"data": {"member": None, "program": None}}


async def test_a_program_of_no_such_key_is_null(graph: Graph) -> None:
    assert await graph.data('{ program(key: "no_such") { key } }') == {"program": None}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL_RESPONSE};q=0, */*", JSON),
        (f"{GRAPHQL_RESPONSE}, application/json, text/event-stream, multipart/mixed", GRAPHQL_RESPONSE),
    ],
)
async def test_the_newer_media_type_is_for_those_who_name_it(
    graph: Graph, accept: str, media_type: str
) -> None:
    response = await graph.post(VERSION, accept=accept)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.json() == {"data": {"__typename": "Query"}}


INVALID = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ nonsense }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ member { memberId } }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "fragment F on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "query($id: ID!) { member(id: $id) { memberId } }"}, "BAD_USER_INPUT"),
    (
        {"query": "query($n: Int!) { members(first: $n) { edges { cursor } } }", "variables": {"n": "x"}},
        "BAD_USER_INPUT",
    ),
]


@pytest.mark.parametrize(("body", "code"), INVALID)
async def test_what_is_not_executed_is_told_why_and_has_no_data(
    graph: Graph, body: dict[str, object], code: str
) -> None:
    older = await graph.post(body, accept=JSON)
    newer = await graph.post(body, accept=GRAPHQL_RESPONSE)

    assert (older.status_code, newer.status_code) == (200, 400)
    for response in (older, newer):
        assert _code(response) == code
        assert "data" not in response.json()


async def test_a_validation_error_says_what_is_wrong_and_where(graph: Graph) -> None:
    (error,) = (await graph.ask("{ nonsense }"))["errors"]

    assert error["message"].startswith("Cannot query field 'nonsense'")
    assert error["locations"] == [{"line": 1, "column": 3}]


@pytest.mark.parametrize("query", ["{a" * 3000, "{ x(a: " + "[" * 5000 + "]" * 5000 + ") }"])
async def test_a_document_nested_without_end_is_refused(graph: Graph, query: str) -> None:
    response = await graph.post({"query": query}, accept=GRAPHQL_RESPONSE)

    assert response.status_code == 400
    assert _code(response) in {"DEPTH_LIMIT", "TOKEN_LIMIT"}


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b"{}", JSON, 400),
        (b'{"query": 1}', JSON, 400),
        (b'{"query": "{__typename}", "variables": []}', JSON, 400),
        (b'{"query": "{__typename}", "operationName": 1}', JSON, 400),
        (b'{"query": "query A {__typename}", "operationName": "B"}', JSON, 400),
        (b'{"query": "query A {__typename} query B {__typename}"}', JSON, 400),
        (b'{"query": "{__typename}"}', "text/plain", 415),
        (b"query={__typename}", "application/x-www-form-urlencoded", 415),
        (b" " * 70_000, JSON, 413),
        (b'{"query": "{__typename}"}', "application/json; charset=utf-8", 200),
        (b'{"query": "{__typename}", "variables": null, "operationName": null}', JSON, 200),
        (b'{"query": "query A {__typename} query B {__typename}", "operationName": "B"}', JSON, 200),
    ],
)
async def test_the_body_is_a_json_object_that_asks_one_operation(
    graph: Graph, content: bytes, content_type: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {graph.token()}", "content-type": content_type}

    response = await graph.http.post("/graphql", content=content, headers=headers)

    assert response.status_code == status
    assert ("errors" in response.json()) is (status != 200)


async def test_queries_by_get_are_not_served(graph: Graph) -> None:
    response = await graph.http.get("/graphql", params={"query": "{__typename}"})

    assert response.status_code == 405


async def test_pages_of_other_origins_may_ask_when_the_settings_name_them(graph: Graph) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}

    named = await graph.http.options("/graphql", headers=asked | {"origin": ORIGIN})
    other = await graph.http.options("/graphql", headers=asked | {"origin": "https://elsewhere.example"})

    assert named.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in other.headers


async def test_the_gateway_says_that_it_serves(graph: Graph) -> None:
    assert (await graph.http.get("/healthz")).status_code == 200


async def test_a_null_for_an_argument_that_may_not_be_null_is_bad_input(graph: Graph) -> None:
    answer = await graph.ask("query($n: Int) { members(first: $n) { edges { cursor } } }", n=None)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_program_is_told_with_its_ladder(graph: Graph) -> None:
    query = """
      query($key: String!) {
        program(key: $key) {
          key version digest currency timeZone name { en }
          tierSets { key tiers { key rank entry { path metric fact op value } multiplierBp } }
          points { currency earn { key eventKind unitMinor pointsPerUnit } expireAfterMonths }
        }
      }
    """

    program = (await graph.data(query, key=PROGRAM))["program"]

    (ladder,) = program["tierSets"]
    assert [tier["key"] for tier in ladder["tiers"]] == ["normal", "silver", "gold", "platinum", "diamond"]
    assert [tier["rank"] for tier in ladder["tiers"]] == [1, 2, 3, 4, 5]
    assert ladder["tiers"][0]["entry"] == []
    assert ladder["tiers"][1]["entry"] == [
        {
            "path": "entry",
            "metric": "spend",
            "fact": "purchase.amount_minor.lifetime",
            "op": ">=",
            "value": 10_000,
        }
    ]
    assert program["points"]["earn"] == [
        {"key": "purchase", "eventKind": "purchase", "unitMinor": 100, "pointsPerUnit": 1}
    ]
    assert json.dumps(program["points"]["expireAfterMonths"]) == "null"


@pytest.mark.parametrize(
    ("query", "operation", "outcome"),
    [
        ("{ __typename }", "query", "ok"),
        ('{ member(id: "x") { memberId } }', "query", "partial"),
        ("{ nonsense }", "none", "invalid"),
        ("", "none", "refused"),
    ],
)
async def test_each_request_is_measured_by_its_operation_and_outcome(
    graph: Graph, query: str, operation: str, outcome: str
) -> None:
    def count() -> float:
        labels = {"operation": operation, "outcome": outcome}
        return REGISTRY.get_sample_value("laurel_graphql_request_seconds_count", labels) or 0

    before = count()
    await graph.post({"query": query})

    assert count() == before + 1
