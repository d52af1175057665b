"""The schema is what frontends read: committed, current and described."""

from graphql import build_schema, get_introspection_query, graphql_sync
from graphql.type import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType

from services.gateway.schema import SCHEMA_FILE, is_current

SCHEMA = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_the_committed_schema_is_current() -> None:
    assert is_current(), "python -m services.gateway.schema --write"


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
        if isinstance(kind, GraphQLEnumType):
            silent += [f"{name}.{value}" for value, each in kind.values.items() if not each.description]

    assert silent == []


def test_what_crosses_the_border_of_a_service_may_be_null() -> None:
    member, query = SCHEMA.type_map["Member"], SCHEMA.type_map["Query"]
    assert isinstance(member, GraphQLObjectType)
    assert isinstance(query, GraphQLObjectType)

    borders = {
        f"Member.{name}": member.fields[name] for name in member.fields.keys() - {"id", "memberId", "profile"}
    }
    borders |= {f"Query.{name}": field for name, field in query.fields.items()}

    assert [name for name, field in borders.items() if str(field.type).endswith("!")] == []


def test_the_schema_can_be_introspected() -> None:
    assert graphql_sync(SCHEMA, get_introspection_query()).errors is None
