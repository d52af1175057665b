"""How scalars and enums are written into an answer: as their own types serialise them."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT as INT_MAX,
)
from graphql import (
    GRAPHQL_MIN_INT as INT_MIN,
)
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

Write = Callable[[Any], Any]

_AS_IT_IS: dict[GraphQLLeafType, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


def as_it_is(kind: GraphQLLeafType) -> type | None:
    """The type of most values, which are written as they are; the rest is left to what writes them."""
    declared = kind.extensions.get("strawberry-definition")
    if getattr(declared, "serialize", None) is int:
        return int
    return _AS_IT_IS.get(kind)


def written_by(kind: GraphQLLeafType) -> Write:
    """What writes a value of this type; values that it does not have are a TypeError or its own error."""
    serialise = kind.coerce_output_value
    if kind is GraphQLInt:
        return lambda value: value if type(value) is int and INT_MIN <= value <= INT_MAX else serialise(value)

    def write(value: Any) -> Any:
        written = serialise(value)
        if written is None or written is Undefined:
            raise TypeError(f"{kind} has no such value")
        return written

    return _remembering(kind, write) if isinstance(kind, GraphQLEnumType) else write


def _remembering(kind: GraphQLEnumType, write: Write) -> Write:
    """An enum's type looks for the name of a value among all; there are few, so each is looked up once."""
    values = getattr(kind, "wrapped_cls", ())
    names = {value: write(value) for value in values}

    def name(value: Any) -> Any:
        known = names.get(value) if value.__hash__ is not None else None
        return write(value) if known is None else known

    return name
