"""The graph as a subgraph of Apollo Federation: what a router asks to join it with others."""

# strawberry.field is typed as Any where it decorates.
# mypy: disable-error-code="untyped-decorator"

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, NewType

import strawberry
from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    DocumentNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)

from libs.common.errors import Forbidden
from services.gateway.benefits.types.programs import Program, program_of
from services.gateway.context import Info
from services.gateway.errors import InvalidInput
from services.gateway.loading import each_by_itself
from services.gateway.members.ids import key_of_global_id, member_key
from services.gateway.members.queries import seen_member
from services.gateway.members.types import Member

# The newest that the composers of Apollo and The Guild both take.
LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])'
ENTITY_KEYS = {"Member": ("id", "memberId"), "Program": ("key",)}
SHAREABLE = {"PageInfo"}
"""What every graph has alike."""
OWN = "_"
"""Before the names that federation gives to every subgraph."""

Representation = NewType("Representation", object)
REPRESENTATION = strawberry.scalar(
    name="_Any",
    description="An entity as a router names it: its `__typename`, and the fields of one of its keys.",
)


@strawberry.type(name="_Service", description="This graph as a subgraph.")
class Service:
    sdl: str = strawberry.field(description="Its schema, with the keys of its entities.")


Entity = Annotated[
    Member | Program,
    strawberry.union("_Entity", description="What other subgraphs may refer to and add to."),
]


@strawberry.type
class FederationQuery:
    @strawberry.field(name="_service", description="This graph as a subgraph of Apollo Federation v2.9.")
    async def service(self, info: Info) -> Service:
        return Service(sdl=subgraph(info.schema.as_str()))

    @strawberry.field(
        name="_entities",
        description="Entities by their keys, in their order; null where there is none that the caller sees.",
    )
    async def entities(
        self,
        info: Info,
        representations: Annotated[
            list[Representation], strawberry.argument(description="At most 100 of them.")
        ],
    ) -> list[Entity | None]:
        return await each_by_itself(_entity(info, each) for each in representations)


async def _entity(info: Info, representation: Any) -> Member | Program | None:
    """The entity of a representation, by the grant of the query that shows one such."""
    kind = representation.get("__typename") if isinstance(representation, dict) else None
    if not isinstance(kind, str) or kind not in _LOADED:
        raise InvalidInput("not an entity of this graph")
    query, load = _LOADED[kind]
    if query not in info.context.grants:
        raise Forbidden(f"the caller may not use {query}", field=query)
    return await load(info, representation)


_MEMBER_KEYS: dict[str, Callable[[str], str]] = {"id": key_of_global_id, "memberId": member_key}


async def _member(info: Info, representation: Mapping[str, Any]) -> Member | None:
    named = {read(_text(representation, key)) for key, read in _MEMBER_KEYS.items() if key in representation}
    if len(named) != 1:
        raise InvalidInput("the representation names no member, or more than one")
    return await seen_member(info, "Query.member", named.pop())


async def _program(info: Info, representation: Mapping[str, Any]) -> Program | None:
    program = await info.context.benefits.program.load(_text(representation, "key"))
    return None if program is None else program_of(program)


Load = Callable[[Info, Mapping[str, Any]], Coroutine[Any, Any, Member | Program | None]]
_LOADED: dict[str, tuple[str, Load]] = {
    "Member": ("Query.member", _member),
    "Program": ("Query.program", _program),
}


def _text(representation: Mapping[str, Any], key: str) -> str:
    value = representation.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"the representation has no {key}")
    return value


@lru_cache(maxsize=1)
def subgraph(schema: str) -> str:
    """The text of a schema as a subgraph's: with keys, and without what routers know by themselves."""
    definitions = (_defined(each) for each in parse(schema).definitions)
    kept = tuple(each for each in definitions if each is not None)
    return f"{LINK}\n\n{print_ast(DocumentNode(definitions=kept))}\n"


def _defined(definition: DefinitionNode) -> DefinitionNode | None:
    """A definition as subgraphs have it, None for what is federation's own."""
    name = definition.name.value if isinstance(definition, TypeDefinitionNode) else ""
    if name.startswith(OWN):
        return None
    if not isinstance(definition, ObjectTypeDefinitionNode):
        return definition
    fields = tuple(each for each in definition.fields or () if not each.name.value.startswith(OWN))
    return replace(definition, fields=fields, directives=_directives(name))


def _directives(name: str) -> tuple[ConstDirectiveNode, ...]:
    keys = "".join(f' @key(fields: "{key}")' for key in ENTITY_KEYS.get(name, ()))
    (bare,) = parse(f"type {name}{keys}{' @shareable' if name in SHAREABLE else ''}").definitions
    return tuple(getattr(bare, "directives", None) or ())
