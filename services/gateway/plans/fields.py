"""A field of a plan: what it asks for, and how its value is written into the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLError, GraphQLField, GraphQLObjectType, located_error

from services.gateway.plans.places import Place, path_of
from services.gateway.sources import Loaded

if TYPE_CHECKING:
    from services.gateway.plans.run import Run

Complete = Callable[[Any, Place, "Run"], Any]
"""Writes a value that is there: what stands in the answer for it at its place."""
Coerce = Callable[[Any], Mapping[str, Any]]
"""The arguments under the variables of a run."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class PlanField:
    """One field of the answer, of an object of one type."""

    key: str
    name: str  # of the schema: `Type.field`
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    definition: GraphQLField
    nullable: bool
    constant: Mapping[str, Any] | None  # the arguments, where no variable is in them
    coerce: Coerce
    complete: Complete = field(init=False)  # which writes the fields inside, and so comes after
    loads: list[tuple["PlanField", Loaded]] = field(default_factory=list)  # directly inside, of one type

    def write(self, value: Any, out: dict[str, Any], up: Place | None, run: "Run") -> None:
        """Write a value into its object, or what stands for it when it cannot be: null or a located error."""
        place = (up, self.key, out, self.nullable)
        if isinstance(value, Exception):
            self.fail(value, place, run)
            return
        try:
            if value is not None:
                value = self.complete(value, place, run)
            if value is None and not self.nullable:
                raise self.missing()
            out[self.key] = value
        except Exception as error:
            self.fail(error, place, run)

    def fail(self, error: Exception, place: Place, run: "Run") -> None:
        """Null where it may be; else a located error, which costs what is around it."""
        located = self.located(error, place)
        if not self.nullable:
            raise located
        place[2][self.key] = None
        run.lose(place, located)

    def located(self, error: Exception, place: Place) -> GraphQLError:
        """The error with its place; one that has a place keeps it."""
        return located_error(error, self.nodes, path_of(place))

    def missing(self) -> TypeError:
        """What is said of a null where there must be a value."""
        return TypeError(f"Cannot return null for non-nullable field {self.parent}.{self.definition_name}.")

    @property
    def definition_name(self) -> str:
        """The name of the field in its type."""
        return self.nodes[0].name.value
