"""What a bad or malicious request to the graph is, and what it gets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MEMBER = "mem_" + "0" * 31 + "1"
DOCUMENT_CODES = {
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "BAD_USER_INPUT",
    "TOKEN_LIMIT",
    "OPERATION_LIMIT",
    "DEPTH_LIMIT",
    "ALIAS_LIMIT",
    "DIRECTIVE_LIMIT",
    "FIELD_LIMIT",
    "COST_LIMIT",
    "MUTATION_REPEATED",
    "INTROSPECTION_CLOSED",
}
# What no answer may hold: paths, modules, drivers and words of ours or of Python's.
INTERNALS = (
    "Traceback",
    'File "',
    "site-packages",
    "services.",
    "services/",
    "libs.",
    "strawberry",
    "graphql-core",
    "pymongo",
    "motor",
    "grpc",
    "asyncio",
    "sys.",
    "ValueError",
    "TypeError",
    "KeyError",
    "RecursionError",
    "Decode",
)


@dataclass(frozen=True)
class Attack:
    """One request, and its answer."""

    name: str
    code: str
    body: Any
    status: int = 400
    note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/graphql"
    who: Literal["staff", "partner", "nobody"] = "staff"
    # Only where development is off: there suggestions and introspection help.
    deployed_only: bool = False

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def status_as_json(self) -> int:
        """The status for `Accept: application/json`, where what was understood as a request is 200."""
        return 200 if self.code in DOCUMENT_CODES else self.status

    @property
    def errors_max(self) -> int:
        """How many errors the answer may have."""
        return 5 if self.code in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"} else 1


def document(
    name: str, code: str, query: str, variables: dict[str, Any] | None = None, **more: Any
) -> Attack:
    """A document that is sent as it should be."""
    body: dict[str, Any] = {"query": query}
    if variables is not None:
        body["variables"] = variables
    return Attack(name, code, body, **more)


def each(count: int, text: str) -> str:
    """A text for each number up to count, which it names %d."""
    return " ".join(text.replace("%d", str(number)) for number in range(count))


def member(selection: str) -> str:
    """A document that asks for these fields of a member."""
    return f'{{member(id:"{MEMBER}"){{{selection}}}}}'
