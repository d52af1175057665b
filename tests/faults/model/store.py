"""A replica set in memory: transactions over one primary, whose newest commits a majority may not have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]
Tables = dict[str, dict[str, Document]]
Write = tuple[str, str, Document]


class Conflict(Exception):
    """Another transaction has written what this one has read and writes."""


@dataclass
class Store:
    """Commits in order, of which the first `replicated` are at a majority."""

    checks_versions: bool = True
    commits: list[list[Write]] = field(default_factory=list)
    replicated: int = 0
    tables: Tables = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)

    def begin(self) -> "Transact":
        """A transaction that reads what is there now."""
        return Transact(self, {table: dict(rows) for table, rows in self.tables.items()}, dict(self.versions))

    def rows(self, table: str) -> dict[str, Document]:
        """What the primary has in a table."""
        return self.tables.get(table, {})

    def agreed(self, table: str) -> dict[str, Document]:
        """What a majority has in a table."""
        agreed: dict[str, Document] = {}
        for commit in self.commits[: self.replicated]:
            agreed |= {name: document for where, name, document in commit if where == table}
        return agreed

    def commit(self, writes: list[Write]) -> None:
        """On the primary alone, so far."""
        self.commits.append(writes)
        self._apply(writes)

    def replicate(self) -> None:
        """A majority has everything."""
        self.replicated = len(self.commits)

    def fail_over(self, *, survives: bool) -> None:
        """Another becomes primary: with what a majority had, or with the newest, which one other had."""
        if survives:
            self.replicate()
            return
        kept, self.commits = self.commits[: self.replicated], []
        self.tables, self.versions = {}, {}
        for writes in kept:
            self.commit(writes)

    def _apply(self, writes: list[Write]) -> None:
        for table, name, document in writes:
            self.tables.setdefault(table, {})[name] = document
            self.versions[table, name] = self.versions.get((table, name), 0) + 1


@dataclass
class Transact:
    """Reads of one moment, and writes that are all done or none."""

    store: Store
    seen: Tables
    versions: dict[tuple[str, str], int]
    writes: dict[tuple[str, str], Document] = field(default_factory=dict)

    def get(self, table: str, name: str) -> Document | None:
        """A document as it was when this began, or as this writes it."""
        return self.writes.get((table, name), self.seen.get(table, {}).get(name))

    def put(self, table: str, name: str, document: Document) -> None:
        """Write a document whole."""
        self.writes[table, name] = document

    def commit(self) -> None:
        """All of it, unless somebody has written one of these since."""
        for where in self.writes:
            moved = self.store.versions.get(where, 0) != self.versions.get(where, 0)
            if moved and self.store.checks_versions:
                raise Conflict
        self.store.commit([(*where, document) for where, document in self.writes.items()])
