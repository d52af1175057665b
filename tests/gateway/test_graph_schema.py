"""The schema is what frontends read: committed, current and described."""

import pytest
from graphql import (
    GraphQLError,
    GraphQLNamedType,
    GraphQLScalarType,
    build_schema,
    get_introspection_query,
    get_named_type,
    graphql_sync,
)
from graphql.type import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
)

from services.gateway.schema import SCHEMA_FILE, broken_since, is_current, schema

SCHEMA = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_the_committed_schema_is_current() -> None:
    assert is_current(), "python -m services.gateway.schema --write"


def test_what_breaks_clients_of_the_released_schema_is_found_and_additions_are_none() -> None:
    current = schema.as_str()
    more = current.replace("type Query {", "type Query {\n  gone: Int", 1)
    described = '"""This graph as a subgraph of Apollo Federation v2.9."""'
    less = current.replace(f"  {described}\n  _service: _Service!", "", 1)

    assert less != current
    assert broken_since(current) == broken_since(less) == []
    assert broken_since(more) == ["Field Query.gone was removed."]


def test_every_type_field_argument_and_value_is_described() -> None:
    silent = []
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        silent += [] if kind.description else [name]
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                silent += [] if definition.description else [f"{name}.{field}"]
                silent += [
                    f"{name}.{field}({a})" for a, each in definition.args.items() if not each.description
                ]
        if isinstance(kind, GraphQLInputObjectType):
            silent += [f"{name}.{f}" for f, each in kind.fields.items() if not each.description]
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{name}.{value}" for value, each in kind.values.items() if not each.description]

    assert silent == []


def test_what_crosses_the_border_of_a_service_may_be_null() -> None:
    own = {
        "Member": {"id", "memberId", "profile", "activity"},
        "Query": {"_service", "_entities"},
        "Mutation": set(),
    }
    borders: dict[str, GraphQLField] = {}

    for name, mine in own.items():
        kind = SCHEMA.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        borders |= {f"{name}.{field}": each for field, each in kind.fields.items() if field not in mine}

    assert [name for name, field in borders.items() if str(field.type).endswith("!")] == []


def test_the_schema_can_be_introspected() -> None:
    assert graphql_sync(SCHEMA, get_introspection_query()).errors is None


def inputs_of(kind: GraphQLNamedType) -> dict[str, GraphQLNamedType]:
    """The types of everything that clients may send in a type, by where it stands."""
    if isinstance(kind, GraphQLInputObjectType):
        return {f"{kind.name}.{name}": get_named_type(each.type) for name, each in kind.fields.items()}
    if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
        return {
            f"{kind.name}.{name}({argument})": get_named_type(each.type)
            for name, field in kind.fields.items()
            for argument, each in field.args.items()
        }
    return {}


INPUTS = {place: kind for each in SCHEMA.type_map.values() for place, kind in inputs_of(each).items()}


def test_nothing_untyped_can_be_sent() -> None:
    typed = {"_Any", "ID", "String", "Int", "Boolean", "Long", "AmountMinor", "DateTime"}
    scalars = {place: each.name for place, each in INPUTS.items() if isinstance(each, GraphQLScalarType)}

    assert len(INPUTS) > 40
    assert {place: name for place, name in scalars.items() if name not in typed} == {}


def test_amounts_that_are_sent_are_never_below_nothing() -> None:
    amounts = {place: kind.name for place, kind in INPUTS.items() if "amountminor" in place.lower()}

    assert amounts
    assert set(amounts.values()) == {"AmountMinor"}


def test_no_number_of_the_graph_is_a_float() -> None:
    assert "Float" not in SCHEMA.type_map


def test_every_mutation_takes_one_input_with_a_request_id_and_answers_refused_or_what_it_wrote() -> None:
    mutations = SCHEMA.type_map["Mutation"]
    assert isinstance(mutations, GraphQLObjectType)

    for field in mutations.fields.values():
        (argument,) = field.args.items()
        assert argument[0] == "input"
        assert str(get_named_type(argument[1].type).fields["requestId"].type) == "String!"
        members = [each.name for each in get_named_type(field.type).types]
        assert len(members) == 2
        assert "Refused" in members


WHOLE = {"Long": (-(2**53) + 1, 0, 2**53 - 1), "AmountMinor": (0, 1, 10**12)}
BROKEN = {"Long": (2**53, -(2**53)), "AmountMinor": (-1, 10**12 + 1)}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_is_taken_within_its_bounds_and_nothing_else_is(name: str) -> None:
    scalar = schema._schema.type_map[name]
    assert isinstance(scalar, GraphQLScalarType)

    assert [scalar.parse_value(each) for each in WHOLE[name]] == list(WHOLE[name])
    for wrong in (*BROKEN[name], True, False, "1", "", 1.0, 1.5, float("nan"), None, [1], {"$gt": ""}):
        with pytest.raises(GraphQLError):
            scalar.parse_value(wrong)
