"""The graph as a subgraph: its schema for composers, and entities for routers."""

from typing import Any

import pytest
from graphql import DirectiveNode, ObjectTypeDefinitionNode, parse, print_ast
from strawberry import relay

from services.gateway.codes import Code
from services.gateway.federation import subgraph
from services.gateway.schema import schema
from tests.gateway.conftest import Graph, gateway
from tests.gateway.world import PROGRAM, member_id

SDL = subgraph(schema.as_str())
ENTITIES = """
query Entities($of: [_Any!]!) {
  _entities(representations: $of) {
    __typename
    ... on Member { memberId points { balance } memberships { tierKey } }
    ... on Program { key version }
  }
}
"""


def a_member(number: int) -> dict[str, str]:
    return {"__typename": "Member", "memberId": member_id(number)}


def keys_of(node: ObjectTypeDefinitionNode) -> list[str]:
    def text(directive: DirectiveNode) -> str:
        return " ".join(print_ast(each.value) for each in directive.arguments or ())

    return [text(each) for each in node.directives or () if each.name.value == "key"]


def test_the_schema_for_composers_names_the_keys_and_nothing_of_federations_own() -> None:
    types = {
        each.name.value: each for each in parse(SDL).definitions if isinstance(each, ObjectTypeDefinitionNode)
    }

    keys = {name: keys_of(node) for name, node in types.items() if keys_of(node)}
    assert keys == {"Member": ['"id"', '"memberId"'], "Program": ['"key"']}
    assert "federation/v2.9" in SDL
    assert "_entities" not in {each.name.value for each in types["Query"].fields or ()}
    assert not [name for name in types if name.startswith("_")]


async def test_a_subgraph_tells_its_schema_to_administrators(graph: Graph) -> None:
    query = "{ _service { sdl } }"

    assert (await graph.data(query))["_service"]["sdl"] == SDL
    denied = await graph.ask(query, token=graph.token(roles=["consultant"]))
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_entities_are_told_in_their_order_by_any_of_their_keys(graph: Graph) -> None:
    of = [
        a_member(2),
        {"__typename": "Program", "key": PROGRAM},
        {"__typename": "Member", "id": relay.to_base64("Member", member_id(1))},
        a_member(99),
    ]

    found = (await graph.data(ENTITIES, of=of))["_entities"]

    assert [each and (each.get("memberId") or each["key"]) for each in found] == [
        member_id(2),
        PROGRAM,
        member_id(1),
        None,
    ]


async def test_fields_beyond_the_key_are_left_alone_as_routers_may_send_them(graph: Graph) -> None:
    of = [
        a_member(1)
        | {"id": relay.to_base64("Member", member_id(1)), "isAdmin": True, "points": {"balance": 9}}
    ]

    (found,) = (await graph.data(ENTITIES, of=of))["_entities"]

    assert found["memberId"] == member_id(1)
    assert found["points"]["balance"] != 9


async def test_all_entities_of_a_request_are_one_call_to_each_service(graph: Graph) -> None:
    await graph.data(ENTITIES, of=[a_member(number) for number in range(1, 21)])

    calls = graph.services.asked.calls
    assert calls["BatchGetMembers"] == 1
    assert calls["BatchGetMemberships"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"__typename": "Score"},
        {"__typename": 5},
        {"__typename": ["Member"]},
        {"__typename": "Member"},
        {"__typename": "Member", "memberId": 5},
        {"__typename": "Member", "memberId": None},
        {"__typename": "Member", "memberId": "nobody"},
        {"__typename": "Member", "id": "x"},
        {"__typename": "Member", "memberId": member_id(1), "id": 5},
        {"__typename": "Member", "memberId": member_id(1), "id": relay.to_base64("Member", member_id(2))},
        {"__typename": "Program", "key": ""},
        "Member",
        5,
        [],
    ],
    ids=str,
)
async def test_a_bad_representation_is_an_error_at_its_place_alone(graph: Graph, wrong: Any) -> None:
    answer = await graph.ask(ENTITIES, of=[a_member(1), wrong, a_member(2)])

    told = [each and each["memberId"] for each in answer["data"]["_entities"]]
    assert told == [member_id(1), None, member_id(2)]
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["_entities", 1], "BAD_USER_INPUT")


async def test_entities_are_shown_as_their_own_query_shows_them(graph: Graph) -> None:
    themselves = graph.token("member", subject=member_id(1))

    answer = await graph.ask(ENTITIES, token=themselves, of=[a_member(1), a_member(2)])
    assert [each and each["memberId"] for each in answer["data"]["_entities"]] == [member_id(1), None]

    analyst = await graph.ask(ENTITIES, token=graph.token(roles=["analyst"]), of=[a_member(1)])
    assert [each["extensions"]["code"] for each in analyst["errors"]] == ["FORBIDDEN"]


async def test_each_entity_costs_what_it_loads(keys: Any) -> None:
    async with gateway(keys, cost_max=30) as graph:
        many = [a_member(number) for number in range(1, 12)]  # each with its account and memberships

        refused = await graph.ask(ENTITIES, of=many)

        assert refused["errors"][0]["extensions"]["code"] == Code.COST_LIMIT
        assert "errors" not in await graph.ask(ENTITIES, of=many[:10])


NODES = "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id ... on Member { memberId } } }"


def global_id(number: int) -> str:
    return relay.to_base64("Member", member_id(number))


async def test_nodes_are_told_in_their_order_in_one_call(graph: Graph) -> None:
    found = await graph.data(NODES, ids=[global_id(number) for number in (3, 1, 99, 2)])

    assert [each and each["memberId"] for each in found["nodes"]] == [
        member_id(3),
        member_id(1),
        None,
        member_id(2),
    ]
    assert graph.services.asked.calls["BatchGetMembers"] == 1


@pytest.mark.parametrize("wrong", ["", "x", "mem_1", relay.to_base64("Program", "a"), "é", "=" * 40])
async def test_a_bad_id_of_a_node_is_bad_input_at_its_place(graph: Graph, wrong: str) -> None:
    answer = await graph.ask(NODES, ids=[global_id(1), wrong])

    assert [each and each["memberId"] for each in answer["data"]["nodes"]] == [member_id(1), None]
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["BAD_USER_INPUT"]
    single = await graph.ask("query($id: ID!) { node(id: $id) { id } }", id=wrong)
    assert single["data"] == {"node": None}
    assert single["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_node_costs_as_one_however_its_ids_are_sent(keys: Any) -> None:
    async with gateway(keys, cost_max=2) as graph:
        written = " ".join(f'"{global_id(number)}"' for number in (1, 2, 3))

        by_variable = await graph.ask(NODES, ids=[global_id(number) for number in (1, 2, 3)])
        by_text = await graph.ask(f"{{ nodes(ids: [{written}]) {{ id }} }}")

        assert {each["errors"][0]["extensions"]["code"] for each in (by_variable, by_text)} == {"COST_LIMIT"}
        assert "errors" not in await graph.ask(NODES, ids=[global_id(1), global_id(2)])
