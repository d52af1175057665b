"""The queries that the command asks and shows."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from libs.cli.graph import RECEIPT, TOP_MEMBER

SCHEMA = Path(__file__).parents[2] / "services/gateway/schema.graphql"


@pytest.mark.parametrize(
    "query", [RECEIPT, "{ m0: " + TOP_MEMBER % "mem_1" + "}"], ids=["receipt", "members"]
)
def test_a_query_of_the_command_fits_the_schema(query: str) -> None:
    schema = build_schema(SCHEMA.read_text(), assume_valid=True)

    assert validate(schema, parse(query)) == []
