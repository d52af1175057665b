"""A request as clients write it, over whatever it comes."""

from collections.abc import Mapping
from typing import Any

from services.gateway.admission.gate import Asked
from services.gateway.admission.persisted import bare
from services.gateway.errors import BadRequest

ID_LENGTH_MAX = 128


def asked_of(fields: Mapping[str, Any]) -> Asked:
    """What a JSON object asks for, or BadRequest."""
    query, document_id = _field(fields, "query", str) or "", _document_id(fields)
    if not query and document_id is None:
        raise BadRequest("the request has no query")
    return Asked(
        query, _field(fields, "operationName", str), _field(fields, "variables", dict) or {}, document_id
    )


def _document_id(fields: Mapping[str, Any]) -> str | None:
    """The id of a persisted document: `documentId` of GraphQL over HTTP, or the hash of Apollo's protocol."""
    extensions = _field(fields, "extensions", dict) or {}
    persisted = _field(extensions, "persistedQuery", dict)
    found = _field(fields, "documentId", str)
    if persisted is not None:
        if persisted.get("version", 1) != 1:
            raise BadRequest("persisted queries are known in version 1")
        found = _field(persisted, "sha256Hash", str)
        if not found:
            raise BadRequest("persistedQuery has no sha256Hash")
    if found is None:
        return None
    if not 0 < len(found) <= ID_LENGTH_MAX:
        raise BadRequest(f"the id of a document has 1 to {ID_LENGTH_MAX} characters")
    return bare(found)


def _field(fields: Mapping[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(f"{name} has the wrong type")
    return value
