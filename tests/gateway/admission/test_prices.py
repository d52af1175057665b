"""What operations cost: objects that may be loaded, times the sizes of the pages that they are in."""

from typing import Any

import pytest
from graphql import parse

from services.gateway.admission.limits import Limits
from services.gateway.admission.walk import Walk
from services.gateway.schema import schema
from tests.gateway.queries import MEMBER, PAGE

WIDE = Limits(depth_max=50, aliases_max=500, fields_max=5_000)


def cost(query: str, **variables: Any) -> int:
    ((_, tally),) = Walk(schema._schema, parse(query), WIDE).operations()
    return tally.price.of(variables)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 1),
        ('{ program(key: "a") { key name { en } tierSets { key tiers { key } } } }', 1),
        ('{ member(id: "a") { memberId profile { identities { source } } } }', 1),
        ('{ member(id: "a") { facts { asOf } } }', 2),
        ('{ a: member(id: "a") { id } b: member(id: "b") { id } }', 2),
        ("{ members { edges { cursor } } }", 20),
        ("{ members(first: 7) { edges { node { memberId } } } }", 7),
        ("{ members(first: 7) { edges { node { risk { level } } } } }", 14),
        ("{ members(first: 7) { edges { node { points { entries(first: 5) { seq } } } } } }", 7 + 7 + 35),
        ('{ node(id: "a") { ... on Member { risk { changes { seq } } } } }', 1 + 1 + 20),
        ("mutation { decideReport(input: {}) { __typename } }", 10),
        ('subscription { memberChanged(memberId: "a") { cursor } }', 10),
        ('subscription { memberChanged(memberId: "a") { member { points { balance } } } }', 10 + 1 + 1),
        ("{ __schema { types { name } } }", 100),
    ],
)
def test_each_object_costs_one_and_pages_multiply(query: str, expected: int) -> None:
    assert cost(query) == expected


def test_page_sizes_may_be_variables_on_several_levels() -> None:
    query = """
      query($n: Int!, $m: Int) {
        members(first: $n) { edges { node { points { entries(first: $m) { seq } } } } }
      }
    """

    assert cost(query, n=10, m=3) == 10 + 10 + 30
    assert cost(query, n=10) == 10 + 10 + 200


def test_fragments_cost_what_they_hold_wherever_they_are_spread() -> None:
    query = """
      { ...A ... on Query { ...A } }
      fragment A on Query { members(first: 5) { ...B } }
      fragment B on MemberConnection { edges { node { points { currency } } } }
    """

    assert cost(query) == 2 * (5 + 5)


@pytest.mark.parametrize(
    ("first", "counted"),
    [("0", 1), ("-5", 1), ("100", 100), ("101", 100), ("9" * 30, 100), ("null", 1), ('"9"', 1), ("[9]", 1)],
)
def test_a_page_size_that_is_refused_later_counts_within_what_lists_give(first: str, counted: int) -> None:
    assert cost(f"{{ members(first: {first}) {{ edges {{ cursor }} }} }}") == counted


@pytest.mark.parametrize("value", [None, True, "5", 5.0, [5], {"a": 5}])
def test_a_variable_that_is_no_number_counts_as_one(value: object) -> None:
    assert cost("query($n: Int) { members(first: $n) { edges { cursor } } }", n=value) == 1


def test_what_the_schema_does_not_know_costs_nothing() -> None:
    assert cost("{ nonsense(first: 100) { members(first: 100) { edges { cursor } } } }") == 1


def test_a_page_of_members_with_everything_of_each_fits() -> None:
    assert cost(PAGE, first=30) == 30 * 17
    assert cost(MEMBER) < 50
