"""What pages show as GraphQL may be asked as it stands there, and what they show as Python is Python."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import build_schema, parse, specified_rules, validate
from graphql.language import DocumentNode
from graphql.validation import LoneAnonymousOperationRule

from services.gateway.schema import SCHEMA_FILE

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("docs/*.md")), ROOT / "README.md", ROOT / "protos/README.md"]
SCHEMA = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
# A page shows several operations below one another.
RULES = [each for each in specified_rules if each is not LoneAnonymousOperationRule]
# What is shown as an answer begins with a brace as well, but not with a field that has a part or an argument.
INDENTED = re.compile(
    r"^ {4,}(?:\{ *[a-zA-Z]+ *[({]|(?:query|mutation|subscription)\b).*\n(?:^ {4,}\S.*\n)*", re.MULTILINE
)


def graphql_of(page: str) -> Iterator[str]:
    """The operations that a page shows, fenced or indented."""
    yield from re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    yield from INDENTED.findall(re.sub(r"```.*?```", "", page, flags=re.DOTALL))


GRAPHQL = [(page.name, shown) for page in PAGES for shown in graphql_of(page.read_text())]
PYTHON = [
    (page.name, shown)
    for page in PAGES
    for shown in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
]


@pytest.mark.parametrize(("page", "shown"), GRAPHQL, ids=[page for page, _ in GRAPHQL])
def test_an_operation_that_a_page_shows_is_one_of_the_schema(page: str, shown: str) -> None:
    operations: DocumentNode = parse(shown)

    assert [str(each) for each in validate(SCHEMA, operations, RULES)] == [], page


@pytest.mark.parametrize(("page", "shown"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_that_a_page_shows_compiles(page: str, shown: str) -> None:
    compile(shown, page, "exec")


@pytest.mark.parametrize(
    "page", ["badges", "benefits", "contracts", "coupons", "proofs", "programs", "rewards", "tills"]
)
def test_each_page_about_points_and_benefits_shows_how_the_graph_is_asked(page: str) -> None:
    assert f"{page}.md" in {name for name, _ in GRAPHQL}
