"""What an operation costs: the objects that it may load, and page sizes multiply.

A field that loads an object costs 1, or 1 for each object of the page that its
`first` asks for or of its list of keys, times as many parents as there may be;
what comes with its parent costs nothing. `first` may be a variable, so a price is a sum of terms
that is worked out for each request.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLNamedType,
    IntValueNode,
    ListValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

PAGE = "first"
KEYS = ("ids", "representations")
"""Arguments that are lists of keys: a field loads an object for each."""
PAGE_MAX = 100
"""No list gives more; what asks for more is refused by the list itself."""
MUTATION = 10
ONE_PER_OPERATION = {"one_per_operation": True}
"""Metadata of a query that is asked for once in an operation, and costs as a mutation does: aliases would
let codes be tried by the dozen."""
REPORT = {"report": True}
"""Metadata of a query that counts over a whole program: refused first when there is too much to do."""
SUBSCRIPTION = 10
"""To begin one; each event costs what it loads."""
INTROSPECTION = {"__schema": 100, "__type": 20}

Variable = tuple[str, int]
"""The name of a variable that is a page size, and the size that holds without it."""


@dataclass(frozen=True, slots=True)
class Times:
    """How many of a thing there may be at most: a number, times the variables."""

    number: int = 1
    variables: tuple[Variable, ...] = ()

    def by(self, size: "int | Variable") -> "Times":
        """As many, on each page of this size."""
        if isinstance(size, int):
            return Times(self.number * size, self.variables)
        return Times(self.number, (*self.variables, size))


ONCE = Times()


class Price:
    """A sum of weights, each times the page sizes above it."""

    def __init__(self) -> None:
        self._terms: Counter[tuple[Variable, ...]] = Counter()

    def add(self, weight: int, times: Times) -> None:
        """Count one more field."""
        if weight:
            self._terms[times.variables] += weight * times.number

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost under these values; at least 1."""
        return max(1, sum(self._costs(variables)))

    def _costs(self, variables: Mapping[str, Any]) -> Iterator[int]:
        for sizes, weight in self._terms.items():
            yield weight * math.prod(_size(variables.get(name, default)) for name, default in sizes)


def weight(field: GraphQLField) -> int:
    """1 for a field that loads objects, 0 for one that shows what was loaded."""
    definition = field.extensions.get("strawberry-definition")
    loads = getattr(definition, "is_async", False)
    return int(loads and not is_leaf_type(_named(field)))


def is_single(field: GraphQLField) -> bool:
    """Whether a field is asked for once in an operation, whatever it stands in."""
    return _has(field, ONE_PER_OPERATION)


def is_report(field: GraphQLField) -> bool:
    """Whether a field counts over a whole program."""
    return _has(field, REPORT)


def _has(field: GraphQLField, metadata: Mapping[str, bool]) -> bool:
    definition = field.extensions.get("strawberry-definition")
    return metadata.items() <= getattr(definition, "metadata", {}).items()


def page_size(field: GraphQLField, node: FieldNode) -> int | Variable:
    """How many objects a field asks for: 1 where it has no pages."""
    name = next((each for each in (PAGE, *KEYS) if each in field.args), None)
    if name is None:
        return 1
    default = _size(field.args[name].default_value)
    given = next((each.value for each in node.arguments or () if each.name.value == name), None)
    match given:
        case None:
            return default
        case VariableNode():
            return given.name.value, default
        case IntValueNode() if len(given.value) <= len(str(PAGE_MAX)):
            return _size(int(given.value))
        case IntValueNode():
            return PAGE_MAX
        case ListValueNode(values=keys):
            return _size(keys)
        case _:
            return 1


def _named(field: GraphQLField) -> GraphQLNamedType:
    return get_named_type(field.type)


def _size(first: Any) -> int:
    """A page size within what lists give, or a number of keys; what is neither is refused before its use."""
    first = len(first) if isinstance(first, Sized) and not isinstance(first, str) else first
    return min(max(first, 1), PAGE_MAX) if type(first) is int else 1
