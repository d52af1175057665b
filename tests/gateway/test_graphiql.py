"""The GraphiQL page: complete without another host, and as vendored."""

import gzip
import hashlib
import re

import pytest
from graphql import parse, validate

from services.gateway.graphiql import STATIC
from services.gateway.schema import schema
from tests.gateway.conftest import Graph

VENDORED = re.findall(
    r"^\| (\S+\.gz) \| .* \| ([0-9a-f]{64}) \|$", (STATIC / "VENDORED.md").read_text(), re.MULTILINE
)


def _example() -> str:
    found = re.search(
        r"const EXAMPLE = `(.*?)`;", (STATIC / "page.js").read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    return found[1]


async def test_the_page_and_all_that_it_names_are_served_from_here(graph: Graph) -> None:
    page = await graph.http.get("/graphiql")

    assert page.status_code == 200
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    local = [name for name in named if name != "data:,"]
    assert len(local) == 6
    for name in local:
        assert name.startswith("/graphiql/")
        file = await graph.http.get(name)
        assert file.status_code == 200
        assert file.headers["content-encoding"] == "gzip"
        assert len(file.content) > 0


async def test_the_page_may_load_nothing_from_elsewhere(graph: Graph) -> None:
    policy = (await graph.http.get("/graphiql")).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "http" not in policy


async def test_a_file_that_has_not_changed_is_not_sent_again(graph: Graph) -> None:
    first = await graph.http.get("/graphiql/page.js")

    again = await graph.http.get("/graphiql/page.js", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["VENDORED.md", "LICENSES.txt", "..%2Fserver.py", "graphiql.html"])
async def test_nothing_else_is_served(graph: Graph, name: str) -> None:
    assert (await graph.http.get(f"/graphiql/{name}")).status_code == 404


@pytest.mark.parametrize(("name", "digest"), VENDORED, ids=[name for name, _ in VENDORED])
def test_a_vendored_file_is_the_one_of_its_package(name: str, digest: str) -> None:
    assert hashlib.sha256(gzip.decompress((STATIC / name).read_bytes())).hexdigest() == digest


def test_every_vendored_file_is_listed() -> None:
    assert {name for name, _ in VENDORED} == {file.name for file in STATIC.glob("*.gz")}


def test_the_example_query_is_valid() -> None:
    assert validate(schema._schema, parse(_example())) == []


async def test_the_example_query_answers_at_once(graph: Graph) -> None:
    data = await graph.data(_example())

    assert len(data["members"]["edges"]) == 5
