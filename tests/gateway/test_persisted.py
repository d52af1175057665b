"""Documents by their ids: Apollo's automatic persisted queries, and the allow-list of production."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.common.settings import ConfigurationError
from services.gateway.admission import persisted
from services.gateway.admission.persisted import Persisted, PersistedQueryNotFound, manifest
from services.gateway.codes import Code
from tests.gateway.conftest import Graph, gateway
from tests.gateway.sockets import SUBSCRIPTION, connected
from tests.gateway.world import member_id

QUERY = "query Member($id: ID!) { member(id: $id) { memberId } }"
VARIABLES = {"id": member_id(1)}
MEMBER = {"data": {"member": {"memberId": member_id(1)}}}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def by_hash(query: str, digest: str | None = None, *, text: bool = False, **more: object) -> dict[str, Any]:
    """A request as Apollo's clients send it, with the text or without."""
    named = {"persistedQuery": {"version": 1, "sha256Hash": digest or sha256(query)}}
    return {"extensions": named, "variables": VARIABLES, **({"query": query} if text else {}), **more}


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_a_query_is_asked_for_by_its_hash_once_it_was_sent_with_it(graph: Graph) -> None:
    unknown = await graph.post(by_hash(QUERY))
    sent = await graph.post(by_hash(QUERY, text=True))
    known = await graph.post(by_hash(QUERY))

    assert code(unknown) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert sent.json() == known.json() == MEMBER


async def test_what_is_unknown_is_told_with_200_in_the_newer_media_type_too(graph: Graph) -> None:
    response = await graph.post(by_hash(QUERY), accept="application/graphql-response+json")

    assert code(response) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_the_same_is_asked_for_by_the_id_of_graphql_over_http(graph: Graph) -> None:
    named = {"documentId": f"sha256:{sha256(QUERY)}", "variables": VARIABLES}

    sent = await graph.post(named | {"query": QUERY})

    assert sent.json() == (await graph.post(named)).json() == MEMBER


async def test_a_hash_of_another_query_is_refused_and_keeps_nothing(graph: Graph) -> None:
    other = sha256("{ __typename }")

    assert code(await graph.post(by_hash(QUERY, other, text=True))) == (200, "PERSISTED_QUERY_MISMATCH")
    assert code(await graph.post(by_hash(QUERY, other))) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_what_is_refused_is_not_kept(graph: Graph) -> None:
    wrong = "{ nonsense }"

    assert code(await graph.post(by_hash(wrong, text=True))) == (200, "GRAPHQL_VALIDATION_FAILED")
    assert code(await graph.post(by_hash(wrong))) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_document_by_id_has_the_limits_of_one_by_text(keys: Path) -> None:
    async with gateway(keys, cost_max=5) as graph:
        large = "{ members(first: 50) { edges { cursor } } }"

        assert code(await graph.post(by_hash(large, text=True)))[1] == "COST_LIMIT"


@pytest.mark.parametrize(
    "wrong",
    [
        {"documentId": 5},
        {"documentId": ""},
        {"documentId": "x" * 129},
        {"extensions": []},
        {"extensions": {"persistedQuery": True}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": ["x"]}}},
    ],
    ids=str,
)
async def test_an_id_that_is_none_is_a_bad_request(graph: Graph, wrong: dict[str, Any]) -> None:
    assert code(await graph.post(wrong)) == (400, "BAD_REQUEST")


def test_documents_are_kept_up_to_a_size_and_the_least_asked_for_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(persisted, "KEPT_BYTES_MAX", 3)
    kept = Persisted({}, only=False)
    for query in "abc":
        kept.keep(query, sha256(query))
    kept.text("", sha256("a"))

    kept.keep("d", sha256("d"))

    assert [kept.text("", sha256(query)) for query in "acd"] == ["a", "c", "d"]
    with pytest.raises(PersistedQueryNotFound):
        kept.text("", sha256("b"))


def test_nothing_is_kept_under_an_id_that_is_not_its_hash() -> None:
    kept = Persisted({}, only=False)

    kept.keep("{ __typename }", sha256("another"))

    with pytest.raises(PersistedQueryNotFound):
        kept.text("", sha256("another"))


# The allow-list

LISTED = {"md5-of-relay": QUERY, sha256(SUBSCRIPTION): SUBSCRIPTION}


@pytest.fixture(params=["relay", "apollo"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The manifest in the form of each tool that writes one."""
    file = tmp_path / "manifest.json"
    operations = [
        {"id": key, "body": text, "name": "Member", "type": "query"} for key, text in LISTED.items()
    ]
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    file.write_text(json.dumps(LISTED if request.param == "relay" else apollo))
    return file


@pytest.fixture
async def strict(keys: Path, listed: Path) -> AsyncIterator[Graph]:
    """A gateway that serves the documents of the list alone."""
    async with gateway(keys, persisted_documents_file=listed, persisted_documents_only=True) as graph:
        yield graph


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "md5-of-relay"},
        {"documentId": "md5-of-relay", "query": QUERY},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "md5-of-relay"}}},
        {"query": QUERY},
    ],
    ids=["by id", "by both", "as Apollo", "by text"],
)
async def test_what_is_on_the_list_is_served(strict: Graph, body: dict[str, Any]) -> None:
    assert (await strict.post(body | {"variables": VARIABLES})).json() == MEMBER


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ __typename }"},
        {"query": QUERY + " "},
        {"documentId": "another"},
        by_hash("{ __typename }"),
        by_hash("{ __typename }", text=True),
        {"query": "{ __schema { description } }"},
        {"query": "no document"},
    ],
    ids=["text", "nearly", "id", "hash", "hash and text", "introspection", "nonsense"],
)
async def test_everything_else_is_refused_by_name(strict: Graph, body: dict[str, Any]) -> None:
    assert code(await strict.post(body)) == (200, Code.PERSISTED_QUERY_NOT_IN_LIST)


async def test_the_list_goes_beside_other_documents_where_they_are_served(keys: Path, listed: Path) -> None:
    async with gateway(keys, persisted_documents_file=listed) as graph:
        assert (await graph.post({"documentId": "md5-of-relay", "variables": VARIABLES})).json() == MEMBER
        assert (await graph.post(by_hash(QUERY, text=True))).json() == MEMBER


async def test_subscriptions_are_on_the_list_too(strict: Graph) -> None:
    async with connected(strict) as socket:
        payload = {"documentId": sha256(SUBSCRIPTION), "variables": VARIABLES}
        socket.say(type="subscribe", id="1", payload=payload)
        assert (await socket.change())["member"]["memberId"] == member_id(1)

        socket.subscribe("2", query=SUBSCRIPTION + " ")
        assert (await socket.error("2"))["extensions"]["code"] == "PERSISTED_QUERY_NOT_IN_LIST"


@pytest.mark.parametrize(
    "text",
    ["", "[]]", "[1]", '"text"', '{"a": 5}', '{"a": ""}', '{"operations": [{"id": "a"}]}', "null"],
)
def test_a_file_that_is_no_manifest_keeps_the_gateway_from_starting(tmp_path: Path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)

    with pytest.raises(ConfigurationError, match="LAUREL_PERSISTED_DOCUMENTS_FILE"):
        manifest(file)


def test_a_file_that_is_not_there_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LAUREL_PERSISTED_DOCUMENTS_FILE"):
        manifest(tmp_path / "missing.json")
