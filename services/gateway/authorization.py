"""The policy table at the graph: before a field is resolved, its row is looked at."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, default_field_resolver

from libs.common.caller import Grant, Principal
from libs.common.errors import Forbidden
from libs.common.policy import ROLES, policy
from libs.common.rpc.masking import masked_text
from libs.common.telemetry import DENIED

GRAPH = "graph"
Resolve = Callable[..., Any]


def may_mask(field: str) -> bool:
    """Whether there is somebody who sees a field as dots."""
    return any(grant.mask for grant in policy().graph[field].grants.values())


def denied(field: str, principal: Principal) -> Forbidden:
    """What is said, and counted, of a principal who was not granted a field."""
    DENIED.labels(GRAPH, principal.kind).inc()
    return Forbidden(f"the caller may not use {field}", field=field)


def guard(schema: GraphQLSchema) -> None:
    """Put the table before the resolver of each field; a field without a row is a KeyError here."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                field.resolve = _guarded(f"{kind.name}.{name}", field.resolve or default_field_resolver)
                if field.subscribe is not None:
                    field.subscribe = _guarded(f"{kind.name}.{name}", field.subscribe)


def fields_granted(principal: Principal) -> Mapping[str, Grant]:
    """What a principal was granted of the graph, by `Type.field`."""
    roles = tuple(role for role in ROLES if role in principal.roles)
    return _fields_granted(principal.kind, roles)


@lru_cache(maxsize=128)  # more than there are sets of roles
def _fields_granted(kind: Any, roles: tuple[str, ...]) -> Mapping[str, Grant]:
    anyone = Principal("", kind, None, roles)
    held = {field: rule.grant(anyone) for field, rule in policy().graph.items()}
    return MappingProxyType({field: grant for field, grant in held.items() if grant is not None})


def _guarded(field: str, resolve: Resolve) -> Resolve:
    def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        if field not in info.context.grants:
            raise denied(field, info.context.principal)
        return resolve(source, info, **arguments)

    def masked(source: Any, info: Any, **arguments: Any) -> Any:
        value = guarded(source, info, **arguments)
        return masked_text(value) if info.context.grants[field].mask else value

    return masked if may_mask(field) else guarded
