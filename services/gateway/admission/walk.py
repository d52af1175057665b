"""One walk over a parsed document, before it is validated: everything in it that has a limit.

Fragments are walked wherever they are spread, so nothing hides behind one;
and each selection on the way counts as a field, so the walk ends after as many
steps as fields are allowed, however the fragments multiply. It keeps its own
stack, because fragments may nest deeper than Python's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)

from services.gateway.admission.inputs import check_literals
from services.gateway.admission.limits import (
    AliasLimit,
    DepthLimit,
    DirectiveLimit,
    FieldLimit,
    Limits,
    MutationRepeated,
    OperationLimit,
)
from services.gateway.admission.prices import (
    INTROSPECTION,
    MUTATION,
    ONCE,
    PAGE,
    SUBSCRIPTION,
    Price,
    Times,
    is_report,
    is_single,
    page_size,
    weight,
)

INTROSPECTION_DEPTH_MAX = 20
"""The usual introspection query is 15 deep."""


@dataclass(slots=True)
class Tally:
    """What was counted in one operation."""

    price: Price = field(default_factory=Price)
    introspects: bool = False
    lists: bool = False
    reports: bool = False
    aliases: int = 0
    directives: int = 0
    singles: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Place:
    """A selection set, and how the walk came to it."""

    selections: SelectionSetNode
    parent: GraphQLNamedType | None
    depth_max: int
    depth: int = 1
    times: Times = ONCE
    fragments: frozenset[str] = frozenset()


class Walk:
    """The walk over one document; what the schema does not know is walked, too, and left to validation."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> None:
        self._schema, self._document, self._limits = schema, document, limits
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        self._fragments = {each.name.value: each for each in fragments}
        self._unused = {id(each): each for each in fragments}
        self._checked: set[int] = set()
        self._fields = 0

    def operations(self) -> list[tuple[OperationDefinitionNode, Tally]]:
        """The operations with what they ask for, or the limit that one of them passes."""
        nodes = [each for each in self._document.definitions if isinstance(each, OperationDefinitionNode)]
        if len(nodes) > self._limits.operations_max:
            raise OperationLimit(f"the document has more than {self._limits.operations_max} operations")
        operations = [(node, self._operation(node)) for node in nodes]
        # Validation looks at what nothing spreads, too, so it has the same limits.
        while self._unused:
            _, fragment = self._unused.popitem()
            self._walk(Tally(), _Place(fragment.selection_set, None, self._limits.depth_max))
        return operations

    def _operation(self, node: OperationDefinitionNode) -> Tally:
        tally = Tally()
        for variable in node.variable_definitions or ():
            if variable.default_value is not None:
                check_literals([variable.default_value], self._limits)
            self._count_directives(tally, variable.directives)
        self._count_directives(tally, node.directives)
        root = self._schema.get_root_type(node.operation)
        self._walk(tally, _Place(node.selection_set, root, self._limits.depth_max))
        return tally

    def _walk(self, tally: Tally, start: _Place) -> None:
        places = [start]
        while places:
            place = places.pop()
            for selection in place.selections.selections:
                self._count_selection(tally, selection)
                below = self._below(tally, place, selection)
                if below is not None:
                    places.append(below)

    def _below(self, tally: Tally, place: _Place, selection: SelectionNode) -> _Place | None:
        """Where a selection leads to; nowhere when nothing is selected in it."""
        match selection:
            case FieldNode():
                return self._field(tally, place, selection)
            case InlineFragmentNode(selection_set=selections, type_condition=condition):
                parent = place.parent if condition is None else self._type(condition.name.value)
                return replace(place, selections=selections, parent=parent)
            case FragmentSpreadNode(name=name):
                return self._spread(tally, place, name.value)
            case _:
                return None

    def _spread(self, tally: Tally, place: _Place, name: str) -> _Place | None:
        """The fragment that is spread; a cycle ends here, and is left to validation."""
        fragment = self._fragments.get(name)
        if fragment is None or name in place.fragments:
            return None
        self._unused.pop(id(fragment), None)
        self._count_directives(tally, fragment.directives)
        return replace(
            place,
            selections=fragment.selection_set,
            parent=self._type(fragment.type_condition.name.value),
            fragments=place.fragments | {name},
        )

    def _field(self, tally: Tally, place: _Place, node: FieldNode) -> _Place | None:
        name = node.name.value
        self._count_alias(tally, node)
        if place.depth > place.depth_max:
            raise DepthLimit(f"fields are nested deeper than {place.depth_max}")
        self._check_arguments(node)
        if name in INTROSPECTION:
            tally.introspects = True
            tally.price.add(INTROSPECTION[name], place.times)
            return _inside(replace(place, parent=None, depth_max=INTROSPECTION_DEPTH_MAX), node)
        definition = _definition(place.parent, name)
        if definition is None:
            return _inside(replace(place, parent=None), node)
        tally.lists |= PAGE in definition.args and place.parent is self._schema.query_type
        tally.reports |= is_report(definition)
        times = place.times.by(page_size(definition, node))
        tally.price.add(self._weight(tally, place, name, definition), times)
        return _inside(replace(place, parent=get_named_type(definition.type), times=times), node)

    def _weight(self, tally: Tally, place: _Place, name: str, definition: GraphQLField) -> int:
        if place.parent is not None and place.parent is self._schema.subscription_type:
            return SUBSCRIPTION
        if place.parent is not self._schema.mutation_type and not is_single(definition):
            return weight(definition)
        if name in tally.singles:
            raise MutationRepeated(f"{name} is asked for twice; send an operation for each")
        tally.singles.add(name)
        return MUTATION

    def _count_selection(self, tally: Tally, selection: SelectionNode) -> None:
        self._fields += 1
        if self._fields > self._limits.fields_max:
            raise FieldLimit(f"the document has more than {self._limits.fields_max} fields")
        self._count_directives(tally, selection.directives)

    def _count_directives(self, tally: Tally, directives: Iterable[DirectiveNode] | None) -> None:
        for directive in directives or ():
            tally.directives += 1
            if tally.directives > self._limits.directives_max:
                raise DirectiveLimit(f"an operation has more than {self._limits.directives_max} directives")
            self._check_arguments(directive)

    def _count_alias(self, tally: Tally, node: FieldNode) -> None:
        tally.aliases += node.alias is not None
        if tally.aliases > self._limits.aliases_max:
            raise AliasLimit(f"an operation has more than {self._limits.aliases_max} aliases")

    def _check_arguments(self, node: FieldNode | DirectiveNode) -> None:
        """Check the values written into a field or directive, once however often it is spread."""
        if node.arguments and id(node) not in self._checked:
            self._checked.add(id(node))
            check_literals((argument.value for argument in node.arguments), self._limits)

    def _type(self, name: str) -> GraphQLNamedType | None:
        return self._schema.type_map.get(name)


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return None
    definition: GraphQLField | None = parent.fields.get(name)
    return definition


def _inside(place: _Place, node: FieldNode) -> _Place | None:
    if node.selection_set is None:
        return None
    return replace(place, selections=node.selection_set, depth=place.depth + 1)
