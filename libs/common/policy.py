"""The policy table: who may call which RPC and read which field, whose records they reach, what comes masked.

The table is `policy.yaml` beside this file, and nothing is allowed that it does not say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

from libs.common.caller import Grant, Principal, Scope

# From the least to the most trusted; level 1 is the first.
ROLES = (
    "analyst",
    "consultant",
    "store_manager",
    "operations_manager",
    "compliance_officer",
    "system_administrator",
)
PRINCIPALS = ("member", "partner", "service", *ROLES)
Audit = Literal["none", "act", "read"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what each principal was granted, and what is audited."""

    grants: Mapping[str, Grant]
    audit: Audit = "none"

    def grant(self, principal: Principal) -> Grant | None:
        """What this principal may do here; the widest that one of their roles gives, None for nothing."""
        if principal.kind != "staff":
            return self.grants.get(principal.kind)
        held = [self.grants[role] for role in principal.roles if role in ROLES and role in self.grants]
        return max(held, key=_width, default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole table: rows of RPCs by `package.Service/Method`, rows of the graph by `Type.field`."""

    rpcs: Mapping[str, Rule]
    graph: Mapping[str, Rule]


def _width(grant: Grant) -> tuple[int, int]:
    return get_args(Scope).index(grant.scope), -len(grant.mask)


# The table as it is written.


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Cell(_Strict):
    scope: Scope
    mask: tuple[str, ...] = ()


_Cells = Annotated[_Cell, BeforeValidator(lambda cell: {"scope": cell} if isinstance(cell, str) else cell)]


class _Row(_Strict):
    audit: Audit = "none"
    member: _Cells | None = None
    partner: _Cells | None = None
    service: _Cells | None = None
    analyst: _Cells | None = None
    consultant: _Cells | None = None
    store_manager: _Cells | None = None
    operations_manager: _Cells | None = None
    compliance_officer: _Cells | None = None
    system_administrator: _Cells | None = None

    def rule(self) -> Rule:
        cells = {name: getattr(self, name) for name in PRINCIPALS}
        grants = {name: Grant(cell.scope, cell.mask) for name, cell in cells.items() if cell is not None}
        return Rule(MappingProxyType(grants), self.audit)


class _Group(_Strict):
    may: _Row
    fields: dict[str, tuple[str, ...]]


class _Table(_Strict):
    rpcs: dict[str, dict[str, _Row]]
    graph: tuple[_Group, ...]


def parsed(document: Any) -> Policy:
    """A table as it is written, or pydantic's ValidationError; a field in two rows is a ValueError."""
    table = _Table.model_validate(document)
    rpcs = {
        f"{service}/{method}": row.rule()
        for service, rows in table.rpcs.items()
        for method, row in rows.items()
    }
    graph: dict[str, Rule] = {}
    for group in table.graph:
        rule = group.may.rule()
        for field in (f"{kind}.{name}" for kind, names in group.fields.items() for name in names):
            if field in graph:
                raise ValueError(f"{field} has two rows")
            graph[field] = rule
    return Policy(MappingProxyType(rpcs), MappingProxyType(graph))


@cache
def policy() -> Policy:
    """The policy of the product."""
    text = resources.files("libs.common").joinpath("policy.yaml").read_text(encoding="utf-8")
    return parsed(yaml.safe_load(text))
