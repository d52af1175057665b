"""What plans do, by feature; that they answer as graphql-core does is in `test_plan_equality.py`."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import Token
from prometheus_client import REGISTRY
from strawberry import relay

from libs.common.caller import Principal
from services.gateway.admission.gate import Admitted, Asked, Gate
from services.gateway.admission.limits import Limits
from services.gateway.plans.fields import PlanField
from services.gateway.plans.kept import Plans
from services.gateway.schema import schema
from tests.gateway.conftest import Graph
from tests.gateway.world import PROGRAM, member_id

ANN = Principal("ann", "staff", PROGRAM, roles=("operations_manager",))
SOMEBODY = member_id(1)


def told(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def executed(by: str) -> float:
    """How many operations were executed so."""
    return told("laurel_graphql_operations_total", by=by)


def alive(kind: type) -> int:
    """How many objects of a type there are."""
    return sum(type(each) is kind for each in gc.get_objects())


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """No garbage is collected; what nobody holds goes at once, unless it is part of a circle."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Admitting:
    """Lets operations in, and keeps their documents."""

    def __init__(self) -> None:
        self._gate = Gate(schema._schema, Limits(), development=True, now=lambda: 0.0)

    async def __call__(self, query: str, name: str | None = None, **variables: object) -> Admitted:
        return await self._gate.admit(Asked(query, name, variables), ANN)


@pytest.mark.parametrize(
    ("query", "by"),
    [
        ('{ member(id: "m") { memberId } }', "plan"),
        ("query Q { __typename }", "plan"),
        ("{ __schema { queryType { name } } }", "graphql-core"),
        ('{ __type(name: "Member") { name } }', "graphql-core"),
        (
            'mutation { fulfilRedemption(input: {requestId: "r", redemptionId: "x"}) { __typename } }',
            "graphql-core",
        ),
    ],
    ids=["query", "no fields", "introspection", "introspection of a type", "mutation"],
)
async def test_queries_run_by_plan_and_the_rest_by_graphql_core(graph: Graph, query: str, by: str) -> None:
    before = executed(by)

    await graph.ask(query)

    assert executed(by) == before + 1


async def test_fields_that_are_asked_for_in_several_places_are_merged_in_order(graph: Graph) -> None:
    data = await graph.data(
        """
        query($id: ID!) {
          member(id: $id) { profile { storeId } ...Rest ... on Node { id } ... { memberId } }
          member(id: $id) { profile { verification } again: memberId }
        }
        fragment Rest on Member { profile { storeId birthday } __typename }
        """,
        id=SOMEBODY,
    )

    assert list(data["member"].items()) == [
        ("profile", {"storeId": "online", "birthday": "•••", "verification": "VERIFIED"}),
        ("__typename", "Member"),
        ("id", relay.to_base64("Member", SOMEBODY)),
        ("memberId", SOMEBODY),
        ("again", SOMEBODY),
    ]


@pytest.mark.parametrize("with_points", [True, False])
async def test_skipped_fields_are_neither_shown_nor_loaded(graph: Graph, *, with_points: bool) -> None:
    data = await graph.data(
        """
        query($id: ID!, $shown: Boolean!) {
          member(id: $id) {
            memberId @skip(if: true)
            points @include(if: $shown) { available }
            ... @skip(if: $shown) { risk { integrity } }
          }
        }
        """,
        id=SOMEBODY,
        shown=with_points,
    )

    assert set(data["member"]) == ({"points"} if with_points else {"risk"})
    calls = graph.services.asked.calls
    assert (calls["BatchGetPointsAccounts"], calls["BatchGetRiskProfiles"]) == (with_points, not with_points)


async def test_a_value_may_be_written_or_a_variable_given_or_by_default(graph: Graph) -> None:
    data = await graph.data(
        """
        query($id: ID!, $first: Int = 1, $none: Int, $names: [String!]) {
          member(id: $id) {
            memberships { a: history(first: 1) { to } b: history(first: $first) { to } c: history { to } }
            memberships { d: history(first: $none) { to } }
            facts(names: $names) { facts { name } }
          }
        }
        """,
        id=SOMEBODY,
        names=["purchase.count.lifetime"],
    )

    (held,) = data["member"]["memberships"]
    assert [len(held[key]) for key in "abcd"] == [1, 1, 2, 2]
    assert data["member"]["facts"] == {"facts": [{"name": "purchase.count.lifetime"}]}


async def test_an_argument_that_means_nothing_is_told_at_its_field(graph: Graph) -> None:
    query = "query($id: ID!, $n: Int!) { member(id: $id) { contracts(first: $n) { id } memberId } }"

    answer = await graph.ask(query, id=SOMEBODY, n=0)

    assert answer["data"] == {"member": {"contracts": None, "memberId": SOMEBODY}}
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["member", "contracts"], "BAD_USER_INPUT")
    assert error["locations"] == [{"line": 1, "column": 47}]


async def test_of_a_union_and_an_interface_the_type_is_shown(graph: Graph) -> None:
    data = await graph.data(
        """
        query($id: ID!, $node: ID!) {
          splitValue(memberId: $id, valueMinor: 100) {
            __typename ... on Refused { reason } ... on DividedValue { split { __typename } }
          }
          node(id: $node) { id __typename ... on Member { memberId } }
        }
        """,
        id=SOMEBODY,
        node=relay.to_base64("Member", SOMEBODY),
    )

    assert data["node"] == {
        "id": relay.to_base64("Member", SOMEBODY),
        "__typename": "Member",
        "memberId": SOMEBODY,
    }
    assert data["splitValue"] == {"__typename": "DividedValue", "split": {"__typename": "ValueSplit"}}


async def test_each_field_that_is_not_granted_is_refused_and_counted_for_each_parent(graph: Graph) -> None:
    token = graph.token("partner", subject="cdnow")
    before = told("laurel_denied_total", method="graph", kind="partner")

    answer = await graph.ask(
        "query($id: ID!) { a: member(id: $id) { ...Held } b: member(id: $id) { ...Held } }"
        " fragment Held on Member { memberships { tierSet keeping { tierKey } } }",
        token=token,
        id=SOMEBODY,
    )

    held = {"memberships": [{"tierSet": "main", "keeping": None}]}
    assert answer["data"] == {"a": held, "b": held}
    paths = {".".join(map(str, error["path"])) for error in answer["errors"]}
    assert paths == {"a.memberships.0.keeping", "b.memberships.0.keeping"}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    assert told("laurel_denied_total", method="graph", kind="partner") == before + 2
    assert graph.services.asked.calls["BatchGetKeepings"] == 0


async def test_an_operation_is_planned_once_for_each_set_of_conditions() -> None:
    plans, admit = Plans(schema), Admitting()
    query = "query($a: Boolean!, $id: ID!) { member(id: $id) { memberId @skip(if: $a) __typename } }"

    skipped = plans.of(await admit(query, a=True, id="1"))
    shown = plans.of(await admit(query, a=False, id="1"))

    assert skipped is not None
    assert shown is not None
    assert (skipped.size, shown.size) == (2, 3)
    assert plans.of(await admit(query, a=True, id="2")) is skipped
    assert plans.of(await admit(query, a=False, id="2")) is shown


async def test_each_operation_of_a_document_has_its_plan() -> None:
    plans, admit = Plans(schema), Admitting()
    query = "query A { __typename } query B { b: __typename }"

    a, b = plans.of(await admit(query, "A")), plans.of(await admit(query, "B"))

    assert a is not None
    assert b is not None
    assert a is not b
    assert plans.of(await admit(query, "A")) is a


async def test_plans_are_kept_up_to_a_weight_and_the_least_used_goes_first() -> None:
    plans, admit = Plans(schema, weight_kept=13), Admitting()
    queries = [f"{{ {name}: __typename }}" for name in "abc"]  # one field and five tokens each
    first, second = [plans.of(await admit(query)) for query in queries[:2]]

    assert plans.of(await admit(queries[0])) is first
    plans.of(await admit(queries[2]))

    assert plans.of(await admit(queries[0])) is first
    assert plans.of(await admit(queries[1])) is not second


async def test_one_set_of_conditions_after_another_is_bounded_too() -> None:
    plans, admit = Plans(schema, weight_kept=500), Admitting()
    names = [f"v{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: __typename @skip(if: ${name})" for name in names)
    query = f"query({declared}) {{ {fields} t: __typename }}"

    for number in range(64):
        skipped: dict[str, Any] = {name: bool(number >> at & 1) for at, name in enumerate(names)}
        plans.of(await admit(query, **skipped))

    assert plans.weight <= 500


@pytest.mark.usefixtures("_uncollected")
async def test_a_plan_that_is_forgotten_is_gone_at_once() -> None:
    # Each kind of value that is completed: a leaf, lists, an interface, a union, objects, what is loaded.
    query = """
        query($id: ID!) {
            node(id: $id) { id }
            program(key: "p") { tierSets { tiers { key } } }
            member(id: $id) { memberId memberships { tierKey decision { __typename } } points { __typename } }
        }
    """
    admitted = await Admitting()(query, id=SOMEBODY)
    before = alive(PlanField)

    plans = Plans(schema)
    plan = plans.of(admitted)
    assert plan is not None
    assert alive(PlanField) >= before + plan.size
    del plan, plans

    assert alive(PlanField) == before


@pytest.mark.usefixtures("_uncollected")
async def test_the_tokens_of_a_document_are_not_chained() -> None:
    before = alive(Token)

    admitted = await Admitting()('{ member(id: "m") { memberId memberships { tierKey } } }')

    # Only those that a node begins or ends with: of brackets and braces, the last ones.
    assert 0 < alive(Token) - before < (admitted.document.token_count or 0)
