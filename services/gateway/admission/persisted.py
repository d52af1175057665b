"""Documents by their ids: those of an allow-list, and those that clients sent before (Apollo's APQ)."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from libs.common.errors import Kind, Refusal
from libs.common.settings import ConfigurationError
from services.gateway.admission.limits import LimitExceeded
from services.gateway.codes import Code

KEPT_BYTES_MAX = 4 * 1024 * 1024
"""Of the documents that clients sent, in one replica; which was not asked for longest is forgotten first."""
CONTENT_HASH = "sha256:"
"""Before ids that are hashes, as GraphQL over HTTP writes them."""

PERSISTED = Counter(
    "laurel_persisted_documents_total",
    "Requests by the id of a document: `listed`, `kept`, `unknown`, `mismatched`; `refused` for those by "
    "text, too, where only the listed ones are served.",
    ["outcome"],
)


class PersistedQueryNotFound(Refusal):
    reason, kind = Code.PERSISTED_QUERY_NOT_FOUND, Kind.NOT_FOUND
    text = "PersistedQueryNotFound"  # by which clients of Apollo know it, too


class PersistedQueryMismatch(LimitExceeded):
    reason, kind = Code.PERSISTED_QUERY_MISMATCH, Kind.INVALID
    text = "the id is not the SHA-256 of the query"


class PersistedQueryNotInList(LimitExceeded):
    reason, kind = Code.PERSISTED_QUERY_NOT_IN_LIST, Kind.FORBIDDEN
    text = "only the documents of the list are served here"


class Persisted:
    """The documents that one replica knows by id."""

    def __init__(self, listed: Mapping[str, str], *, only: bool) -> None:
        """`only` the listed documents are served, by id or by their text."""
        self._listed, self._texts, self._only = listed, frozenset(listed.values()), only
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._bytes_kept = 0

    def text(self, query: str, document_id: str | None) -> str:
        """The text of what is asked for by text, by id or by both, or why it is not served."""
        found, outcome = self._found(query, document_id)
        self.require_listed(found)
        if found is None:
            PERSISTED.labels("unknown").inc()
            raise PersistedQueryNotFound
        if document_id is not None:
            PERSISTED.labels(outcome).inc()
        return found

    def require_listed(self, query: str | None) -> None:
        """Refuse what is not on the list, where only that is served."""
        if self._only and query not in self._texts:
            PERSISTED.labels("refused").inc()
            raise PersistedQueryNotInList

    def keep(self, query: str, document_id: str | None) -> None:
        """Keep a valid document under its hash, where its client will ask for it so."""
        if document_id is None or document_id in self._kept or query in self._texts:
            return
        if document_id != _hash(query):
            return
        self._kept[document_id] = query
        self._bytes_kept += len(query.encode())
        while self._bytes_kept > KEPT_BYTES_MAX:
            _, forgotten = self._kept.popitem(last=False)
            self._bytes_kept -= len(forgotten.encode())

    def _found(self, query: str, document_id: str | None) -> tuple[str | None, str]:
        """The text, and from where; one that comes with its id has to be what the id says."""
        if document_id is None:
            return query, "sent"
        listed = self._listed.get(document_id)
        if query:
            if query != listed and _hash(query) != document_id:
                PERSISTED.labels("mismatched").inc()
                raise PersistedQueryMismatch
            return query, "kept" if listed is None else "listed"
        if listed is not None:
            return listed, "listed"
        if document_id in self._kept:
            self._kept.move_to_end(document_id)
        return self._kept.get(document_id), "kept"


def _hash(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()


def bare(document_id: str) -> str:
    """An id without the name of its hash."""
    return document_id.removeprefix(CONTENT_HASH)


def manifest(file: Path | None) -> Mapping[str, str]:
    """The allow-list of a file: `{id: document}` as Relay and codegen write it, or Apollo's manifest."""
    if file is None:
        return {}
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        listed = {bare(key): text for key, text in _entries(read).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"LAUREL_PERSISTED_DOCUMENTS_FILE: {file} is no manifest: {error}"
        ) from error
    if not all(isinstance(text, str) and text for text in listed.values()):
        raise ConfigurationError(f"LAUREL_PERSISTED_DOCUMENTS_FILE: {file} has an id without a document")
    return listed


def _entries(read: Any) -> dict[str, Any]:
    if isinstance(read, dict) and isinstance(read.get("operations"), list):
        return {each["id"]: each["body"] for each in read["operations"]}
    return dict(read)
