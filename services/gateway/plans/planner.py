"""An operation becomes a plan: which fields each object of the answer has, and where their values are from.

Which fields are asked for is found as graphql-core finds it, under the values of the variables that `@skip`
and `@include` read; so a plan has no conditions, and there is one for each set of these values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from weakref import proxy

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_argument_values,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import inspect, is_awaitable, is_iterable
from strawberry import ID, Schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from services.gateway.authorization import denied, may_mask
from services.gateway.context import Context
from services.gateway.plans.fields import Complete, PlanField
from services.gateway.plans.leaves import Write, as_it_is, written_by
from services.gateway.plans.places import Place, graphql_path
from services.gateway.plans.run import Run
from services.gateway.sources import Loaded, source_of

_CONDITIONS = {"skip", "include"}
_TYPENAME = "__typename"

Read = Callable[[Any], Any]
Step = Callable[[Any, dict[str, Any], Place | None, Run], None]
"""Writes one field of an object into the answer, or sees to it that it comes."""
Leaf = tuple[str, Read, type | None, Write, PlanField]
"""A field that is read and written at once: its key, by what it is read, of which type its value is written
as it is, and by what otherwise."""
Object = Callable[[Any, Place | None, Run], dict[str, Any]]


class Unknown(Exception):
    """Something in an operation that is left to graphql-core."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What one operation does, whoever asks for it and under whatever variables."""

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    schema: GraphQLSchema
    write: Object
    guarded: frozenset[str]  # fields that the plan reads itself: the others are guarded by their resolvers
    size: int

    def run(self, context: Context, variables: VariableValues) -> Run:
        """One execution."""
        denied = frozenset(field for field in self.guarded if field not in context.grants)
        return Run(self.schema, self.operation, self.fragments, variables, context, denied)


def conditions_of(document: DocumentNode, operation: OperationDefinitionNode) -> tuple[str, ...] | None:
    """The variables that decide which fields are asked for; None for what cannot be planned."""
    if operation.operation is not OperationType.QUERY or operation.directives:
        return None
    names: dict[str, None] = {}
    fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
    if any(each.directives or each.variable_definitions for each in fragments):
        return None
    for directive in _directives([operation, *fragments]):
        if directive.name.value not in _CONDITIONS:
            return None
        values = (argument.value for argument in directive.arguments or ())
        names |= {value.name.value: None for value in values if isinstance(value, VariableNode)}
    return tuple(names)


def _directives(nodes: Iterable[OperationDefinitionNode | FragmentDefinitionNode]) -> Iterator[DirectiveNode]:
    """The directives of all selections, however deep they are."""
    sets: list[SelectionSetNode] = [node.selection_set for node in nodes]
    while sets:
        for selection in sets.pop().selections:
            yield from selection.directives or ()
            inside = getattr(selection, "selection_set", None)
            if inside is not None:
                sets.append(inside)


class Planner:
    """Plans operations of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._graph: GraphQLSchema = schema._schema  # noqa: SLF001 - strawberry gives no other way to it

    def plan(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Plan | None:
        """The plan of a valid operation under these conditions; None for what is left to graphql-core."""
        try:
            return _Planning(self._schema, self._graph, document, operation, variables).plan()
        except (Unknown, GraphQLError, RecursionError):
            return None


class _Planning:
    """The planning of one operation."""

    def __init__(
        self,
        schema: Schema,
        graph: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self._schema, self._graph = schema, graph
        self._operation, self._variables = operation, variables
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._details = {name: FragmentDetails(each) for name, each in self._fragments.items()}
        self._guarded: set[str] = set()
        self._size = 0

    def plan(self) -> Plan:
        query = self._graph.query_type
        assert query is not None
        asked = collect_fields(self._graph, self._details, self._variables, query, self._operation)
        write = self._object(query, asked.grouped_field_set, [])
        return Plan(
            self._operation, self._fragments, self._graph, write, frozenset(self._guarded), self._size
        )

    def _object(
        self, kind: GraphQLObjectType, asked: GroupedFieldSet, loads: list[tuple[PlanField, Loaded]]
    ) -> Object:
        """Writes an object of a type; what it loads is added to `loads`."""
        entries = [self._entry(kind, key, details, loads) for key, details in asked.items()]
        leaves = tuple(each for each in entries if isinstance(each, tuple))
        steps = tuple(each for each in entries if not isinstance(each, tuple))
        places = dict.fromkeys(asked)

        def write(source: Any, up: Place | None, run: Run) -> dict[str, Any]:
            out: dict[str, Any] = places.copy()
            refused = run.denied
            for key, read, plain, written, field in leaves:
                try:
                    if refused and field.name in refused:
                        raise denied(field.name, run.context.principal)
                    value = read(source)
                    if type(value) is plain:
                        out[key] = value
                    elif value is not None:
                        out[key] = written(value)
                    elif not field.nullable:
                        raise field.missing()
                except Exception as error:
                    field.fail(error, (up, key, out, field.nullable), run)
            for step in steps:
                step(source, out, up, run)
            return out

        return write

    def _entry(
        self,
        kind: GraphQLObjectType,
        key: str,
        details: list[FieldDetails],
        loads: list[tuple[PlanField, Loaded]],
    ) -> Leaf | Step:
        """How a field is written: read and written as it stands where it is a leaf, else by a step."""
        field = self._field(kind, key, details)
        if field.definition_name == _TYPENAME:
            return key, lambda _: kind.name, str, str, field
        read = self._read(field)
        if read is None:
            return self._late(field, loads)
        self._guarded.add(field.name)
        shown = _bare(field.definition.type)
        if not is_leaf_type(shown):
            return _reading(field, read)
        return key, read, as_it_is(shown), written_by(shown), field

    def _field(self, kind: GraphQLObjectType, key: str, details: list[FieldDetails]) -> PlanField:
        self._size += 1
        nodes = [each.node for each in details]
        definition = self._graph.get_field(kind, nodes[0].name.value)
        if definition is None or (nodes[0].name.value.startswith("__") and nodes[0].name.value != _TYPENAME):
            raise Unknown
        shown: GraphQLOutputType = definition.type
        nullable = not is_non_null_type(shown)
        field = PlanField(
            key=key,
            name=f"{kind.name}.{nodes[0].name.value}",
            nodes=nodes,
            parent=kind,
            definition=definition,
            nullable=nullable,
            constant=None,
            coerce=self._coerce(definition, nodes[0]),
        )
        if not _has_variable(nodes[0]):
            # What is wrong with them is said where the field is, each time it is asked for.
            with suppress(Exception):
                field.constant = field.coerce(self._variables)
        # A circle would keep a plan that is forgotten, for as long as nobody looks through all garbage.
        field.complete = self._complete(_bare(shown), proxy(field), details)
        return field

    def _coerce(self, definition: GraphQLField, node: FieldNode) -> Callable[[Any], Mapping[str, Any]]:
        """Coerces the arguments: for a declared source as its key takes them, else as resolvers do."""
        declared = _definition(definition)
        if declared is None or source_of(declared.metadata) is None:
            return lambda variables: get_argument_values(definition, node, variables)
        registry, config = self._schema.schema_converter.scalar_registry, self._schema.config

        def convert(variables: VariableValues) -> Mapping[str, Any]:
            return convert_arguments(
                get_argument_values(definition, node, variables), declared.arguments, registry, config
            )

        texts = _texts(node, declared, config)
        if texts is None:
            return convert

        def read(variables: VariableValues) -> Mapping[str, Any]:
            coerced = variables.coerced
            found = {name: coerced.get(variable) for name, variable in texts.items()}
            return convert(variables) if None in found.values() else found

        return read

    def _read(self, field: PlanField) -> Read | None:
        """Reads an attribute, or calls a method without arguments; None for what is got otherwise."""
        declared = _definition(field.definition)
        if declared is None or declared.extensions or may_mask(field.name):
            return None
        resolver = declared.base_resolver
        if resolver is None:
            return attrgetter(declared.python_name)
        told = (resolver.info_parameter, resolver.root_parameter, resolver.parent_parameter)
        if resolver.is_async or declared.arguments or any(told) or resolver.self_parameter is None:
            return None
        return resolver.wrapped_func  # type: ignore[return-value]

    def _late(self, field: PlanField, loads: list[tuple[PlanField, Loaded]]) -> Step:
        """What may take its time: a value that is loaded, or a resolver's."""
        declared = _definition(field.definition)
        source = None if declared is None or may_mask(field.name) else source_of(declared.metadata)
        if source is None:
            return _resolving(field)
        self._guarded.add(field.name)
        loads.append((field, source))
        return _loading(field, source)

    def _complete(self, kind: GraphQLOutputType, field: PlanField, details: list[FieldDetails]) -> Complete:
        """Writes a value of a type that may be null, of which it is known that it is there."""
        if is_leaf_type(kind):
            leaf = written_by(kind)
            return lambda value, _place, _run: leaf(value)
        if is_list_type(kind):
            return self._list(kind, field, details)
        if is_abstract_type(kind):
            return self._abstract(kind, field, details)
        assert isinstance(kind, GraphQLObjectType)
        return self._of_type(kind, field, details, field.loads)

    def _list(self, kind: GraphQLList[Any], field: PlanField, details: list[FieldDetails]) -> Complete:
        nullable = not is_non_null_type(kind.of_type)
        complete = self._complete(_bare(kind.of_type), field, details)

        def write(values: Any, place: Place, run: Run) -> list[Any]:
            if type(values) is not list and not is_iterable(values):
                raise GraphQLError(f"Expected Iterable, but did not find one for field '{field.name}'.")
            out: list[Any] = []
            for index, value in enumerate(values):
                here = (place, index, out, nullable)
                try:
                    if isinstance(value, Exception):  # of this place alone, as graphql-core has it
                        raise value
                    if value is not None:
                        out.append(complete(value, here, run))
                    elif nullable:
                        out.append(None)
                    else:
                        raise field.missing()
                except Exception as error:
                    located = field.located(error, here)
                    if not nullable:
                        raise located from error
                    out.append(None)
                    run.lose(here, located)
            return out

        return write

    def _abstract(self, kind: GraphQLAbstractType, field: PlanField, details: list[FieldDetails]) -> Complete:
        resolve_type = kind.resolve_type
        if resolve_type is None:
            raise Unknown
        possible = {
            each.name: self._of_type(each, field, details, [])
            for each in self._graph.get_possible_types(kind)
        }

        def write(value: Any, place: Place, run: Run) -> dict[str, Any]:
            name: Any = resolve_type(value, run.about(field), kind)
            complete = possible.get(name)
            if complete is None:
                raise GraphQLError(f"'{name}' is no type of '{kind}'", field.nodes)
            written: dict[str, Any] = complete(value, place, run)
            return written

        return write

    def _of_type(
        self,
        kind: GraphQLObjectType,
        field: PlanField,
        details: list[FieldDetails],
        loads: list[tuple[PlanField, Loaded]],
    ) -> Complete:
        asked = collect_subfields(self._graph, self._details, self._variables, self._operation, kind, details)
        write = self._object(kind, asked.grouped_field_set, loads)
        is_type_of = kind.is_type_of
        if is_type_of is None:
            return write
        declared = kind.extensions.get("strawberry-definition")
        shown = getattr(declared, "origin", None)

        def checked(value: Any, place: Place, run: Run) -> dict[str, Any]:
            if type(value) is not shown and not is_type_of(value, run.about(field)):
                raise GraphQLError(f"Expected value of type '{kind}' but got: {inspect(value)}.", field.nodes)
            return write(value, place, run)

        return checked


def _reading(field: PlanField, read: Read) -> Step:
    """Writes what its parent has."""
    name, key, nullable, complete = field.name, field.key, field.nullable, field.complete

    def step(source: Any, out: dict[str, Any], up: Place | None, run: Run) -> None:
        try:
            if name in run.denied:
                raise denied(name, run.context.principal)
            value = read(source)
            if value is not None and not isinstance(value, Exception):
                out[key] = complete(value, (up, key, out, nullable), run)
                return
        except Exception as error:
            value = error
        field.write(value, out, up, run)

    return step


def _loading(field: PlanField, source: Loaded) -> Step:
    """Keeps the place of what is loaded, with that of the same field of other parents."""
    name, find = field.name, source.key
    is_found_by_parent = field.constant is not None and not field.constant and not source.takes_context

    def step(parent: Any, out: dict[str, Any], up: Place | None, run: Run) -> None:
        try:
            if name in run.denied:
                raise denied(name, run.context.principal)
            if is_found_by_parent:
                wanted = find(parent)
            else:
                wanted = source.key_of(parent, run.context, run.arguments(field))
        except Exception as error:
            field.write(error, out, up, run)
            return
        if wanted is None:
            field.write(None, out, up, run)
            return
        run.want(field, source, (wanted, parent, out, up))
        if source.ahead is not None:
            run.load_ahead(source.ahead(wanted), field.loads)

    return step


def _resolving(field: PlanField) -> Step:
    """Asks a resolver, and waits for it where it takes its time."""
    key, resolve = field.key, field.definition.resolve
    if resolve is None:
        raise Unknown

    def step(source: Any, out: dict[str, Any], up: Place | None, run: Run) -> None:
        try:
            arguments = run.arguments(field)
            path = graphql_path((up, key, out, field.nullable), field.parent.name)
            value = resolve(source, run.info(field, path), **arguments)
            if is_awaitable(value):
                run.wait_for(field, value, out, up)
                return
        except Exception as error:
            value = error
        field.write(value, out, up, run)

    return step


def _bare(kind: GraphQLOutputType) -> GraphQLOutputType:
    """The type without what it says of null."""
    return kind.of_type if is_non_null_type(kind) else kind


def _definition(field: GraphQLField) -> StrawberryField | None:
    declared = field.extensions.get("strawberry-definition")
    return declared if isinstance(declared, StrawberryField) else None


def _texts(node: FieldNode, declared: StrawberryField, config: StrawberryConfig) -> Mapping[str, str] | None:
    """The variables that the arguments of a field are, by name, where all are texts or ids.

    None for all other fields.
    """
    names = {config.name_converter.from_argument(each): each for each in declared.arguments}
    given = {each.name.value: each.value for each in node.arguments or ()}
    found: dict[str, str] = {}
    for name, argument in names.items():
        kind, value = argument.type, given.get(name)
        if type(kind) is StrawberryOptional:
            kind = kind.of_type
        if kind not in (str, ID) or not isinstance(value, VariableNode):
            return None
        found[argument.python_name] = value.name.value
    return found


def _has_variable(node: FieldNode) -> bool:
    values: list[Any] = [argument.value for argument in node.arguments or ()]
    while values:
        value = values.pop()
        if isinstance(value, VariableNode):
            return True
        values += getattr(value, "values", ())
        values += [each.value for each in getattr(value, "fields", ())]
    return False
