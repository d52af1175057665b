"""Queries that nobody wrote, of the whole schema: arguments, aliases, fragments, directives, variables."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from strawberry import relay

from services.gateway.schema import schema
from tests.gateway.fake_contracts import contract_id
from tests.gateway.fake_rewards import REDEMPTION_ID
from tests.gateway.world import PROGRAM, member_id

GRAPH: GraphQLSchema = schema._schema
FIELDS_MAX = 45
"""Of a whole query: the answer to one takes some milliseconds."""
DEPTH_MAX = 8
_NAMES: dict[str, tuple[str, ...]] = {
    "key": (PROGRAM, PROGRAM, "no_program"),
    "tier": ("gold", "copper"),
    "targetTier": ("platinum", "copper"),
    "entryId": ("ent_1", "ent_2"),
    "decisionId": ("dec_1", "dec_none"),
    "rewardId": ("coffee", "none"),
    "simulationId": (f"sim_{'1' * 32}", "none"),
    "campaignKey": ("summer", "none"),
    "memberId": (member_id(1), relay.to_base64("Member", member_id(2)), member_id(999), "?"),
    "id": (
        *(member_id(1), member_id(2), relay.to_base64("Member", member_id(1)), member_id(999)),
        *("?", contract_id(1), REDEMPTION_ID),
    ),
    "after": ("?", relay.to_base64("", "")),
    "names": ("purchase.count.lifetime", "no.such.fact"),
}
_SCALARS: dict[str, tuple[Any, ...]] = {
    "Int": (1, 1, 2, 3, 0, 101),
    "Long": (0, 1, 2**40),
    "AmountMinor": (0, 30_000),
    "Boolean": (True, False),
    "String": ("x", "gold", "", "音"),
    "ID": ("x", member_id(1)),
    "DateTime": ("1998-07-01T00:00:00Z", "1998-07-01T00:00:00+08:00", "1998-07-01T00:00:00"),
    "Date": ("1998-07-01",),
    "_Any": (
        {"__typename": "Member", "memberId": member_id(1)},
        {"__typename": "Member", "memberId": "x"},
        {"__typename": "Program", "key": PROGRAM},
        {"__typename": "Reward"},
    ),
}
_LIKELY = ["member", "member", "members", "node"]
"""Where most of the schema is."""
_COMPOSITE = (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)


@dataclass
class Query:
    """A document, and the values of its variables."""

    text: str
    variables: dict[str, Any]


@dataclass
class _Scope:
    """What stands under one path of the answer: the same key must mean the same wherever it is asked for."""

    meanings: dict[str, tuple[str, str]] = field(default_factory=dict)
    inside: dict[str, "_Scope"] = field(default_factory=dict)


class Drawer:
    """Draws one query by what a source of chance says."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._left = FIELDS_MAX
        self._declared: list[str] = []
        self._fragments: list[str] = []
        self._variables: dict[str, Any] = {}

    def query(self) -> Query:
        """A query that is valid."""
        assert GRAPH.query_type is not None
        selections = self._selections(GRAPH.query_type, _Scope(), 0)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        return Query(" ".join([f"query Drawn{declared} {selections}", *self._fragments]), self._variables)

    def _selections(self, kind: GraphQLNamedType, scope: _Scope, depth: int) -> str:
        drawn = [self._selection(kind, scope, depth) for _ in range(self._chance.randint(1, 5))]
        found = [each for each in drawn if each]
        return "{" + " ".join(found or [self._typename(scope)]) + "}"

    def _typename(self, scope: _Scope) -> str:
        key = self._key("__typename", "", scope)
        return "__typename" if key == "__typename" else f"{key}: __typename"

    def _selection(self, kind: GraphQLNamedType, scope: _Scope, depth: int) -> str:
        self._left -= 1
        if self._left < 0:
            return ""
        if self._chance.random() < 0.2 or isinstance(kind, GraphQLUnionType):
            return self._fragment(kind, scope, depth)
        fields = getattr(kind, "fields", {})
        names = [name for name, each in fields.items() if depth < DEPTH_MAX or is_leaf_type(_named(each))]
        if not names or self._chance.random() < 0.05:
            return self._typename(scope) + self._directives()
        likely = _LIKELY if kind is GRAPH.query_type and self._chance.random() < 0.6 else names
        name = self._chance.choice(likely)
        return self._field(name, fields[name], scope, depth)

    def _field(self, name: str, definition: GraphQLField, scope: _Scope, depth: int) -> str:
        arguments = self._arguments(definition)
        key = self._key(name, arguments, scope)
        alias = "" if key == name else f"{key}: "
        inside = ""
        if isinstance(_named(definition), _COMPOSITE):
            below = scope.inside.setdefault(key, _Scope())
            inside = self._selections(_named(definition), below, depth + 1)
        return f"{alias}{name}{arguments}{self._directives()}{inside}"

    def _key(self, name: str, arguments: str, scope: _Scope) -> str:
        """Under which name it is asked for: its own, an alias, or one that means the same already."""
        candidates = [name, *(f"{name}{number}" for number in range(FIELDS_MAX))]
        for key in candidates[self._chance.random() < 0.2 :]:
            if scope.meanings.setdefault(key, (name, arguments)) == (name, arguments):
                return key
        raise AssertionError("more aliases than fields")

    def _fragment(self, kind: GraphQLNamedType, scope: _Scope, depth: int) -> str:
        """A fragment on the type itself, on one that it may be, or without a condition."""
        within = self._chance.choice([kind, *self._possible(kind)])
        if self._chance.random() < 0.5:
            condition = "" if within is kind and self._chance.random() < 0.3 else f" on {within.name}"
            return f"...{condition}{self._directives()}{self._selections(within, scope, depth)}"
        selections = self._selections(within, scope, depth)
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {within.name} {selections}")
        again = f" ...{name}" if self._chance.random() < 0.3 else ""
        return f"...{name}{self._directives()}{again}"

    def _possible(self, kind: GraphQLNamedType) -> list[GraphQLNamedType]:
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            return list(GRAPH.get_possible_types(kind))
        return list(kind.interfaces) if isinstance(kind, GraphQLObjectType) else []

    def _directives(self) -> str:
        drawn = ""
        for name in ("skip", "include"):
            if self._chance.random() < 0.08:
                value = self._chance.random() < 0.5
                given = self._variable("Boolean!", value) if self._chance.random() < 0.5 else _literal(value)
                drawn += f" @{name}(if: {given})"
        return drawn + " "

    def _arguments(self, definition: GraphQLField) -> str:
        drawn = [
            f"{name}: {self._argument(name, each)}"
            for name, each in definition.args.items()
            if is_required_argument(each) or self._chance.random() < 0.5
        ]
        return f"({', '.join(drawn)})" if drawn else ""

    def _argument(self, name: str, definition: GraphQLArgument) -> str:
        if self._chance.random() < 0.3 and not is_required_argument(definition):
            # Declared and perhaps not given; with a default of its own it may be null.
            return self._variable(str(definition.type), self._value(name, definition.type), sent=0.7)
        value = self._value(name, definition.type)
        if self._chance.random() < 0.3:
            return self._variable(str(definition.type), value)
        return _literal(value, get_named_type(definition.type))

    def _variable(self, kind: str, value: Any, sent: float = 1.0) -> str:
        name = f"v{len(self._declared)}"
        self._declared.append(f"${name}: {kind}")
        if kind.endswith("!") or self._chance.random() < sent:
            self._variables[name] = value
        return f"${name}"

    def _value(self, name: str, kind: Any) -> Any:
        if not is_non_null_type(kind) and self._chance.random() < 0.1:
            return None
        kind = kind.of_type if is_non_null_type(kind) else kind
        if is_list_type(kind):
            return [self._value(name, kind.of_type) for _ in range(self._chance.randint(0, 2))]
        if isinstance(kind, GraphQLEnumType):
            return self._chance.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                each: self._value(each, inner.type)
                for each, inner in kind.fields.items()
                if is_required_input_field(inner) or self._chance.random() < 0.4
            }
        if kind.name in ("String", "ID") and name in _NAMES:
            return self._chance.choice(_NAMES[name])
        return self._chance.choice(_SCALARS[kind.name])


def _named(definition: GraphQLField) -> GraphQLNamedType:
    return get_named_type(definition.type)


def _literal(value: Any, kind: Any = None) -> str:
    """A value as it is written into a document."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(_literal(each, kind) for each in value) + "]"
        case dict():
            # A representation of federation is of no type.
            fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
            inner = {name: get_named_type(each.type) for name, each in fields.items()}
            return (
                "{"
                + ", ".join(f"{name}: {_literal(each, inner.get(name))}" for name, each in value.items())
                + "}"
            )
        case str() if not isinstance(kind, GraphQLEnumType):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
