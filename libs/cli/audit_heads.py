"""Heads and roots that go with a restored database: those kept apart after it was backed up do not."""

from pathlib import Path
from typing import Any

from pymongo.database import Database

from libs.common.chains.chain import Root, Statement
from libs.common.chains.heads import append_heads, read_heads

# Where chains have what was signed of them.
KEPT = ("audit_heads", "ledger_heads", "ledger_roots", "badge_heads", "badge_roots")
# Chain, program, place and chain hash name a head or a root.
Named = tuple[str, str, object, str]


def heads_of(database: Database[dict[str, Any]]) -> frozenset[Named]:
    """The heads and roots that a service's database has."""
    return frozenset(
        (
            each.get("chain", ""),
            each["program_id"],
            each["date"] if name.endswith("_roots") else each["position"],
            each["chain_hash"],
        )
        for name in KEPT
        for each in database[name].find({"signature": {"$exists": True}})
    )


def keep_heads(kept: Path, target: Path, *, of: frozenset[Named]) -> None:
    """Append what a database has of the heads and roots of a file, in their order, to another file."""
    heads = [head for head in read_heads(kept) if not isinstance(head, int)]
    append_heads(target, [each for each in heads if _named(each) in of])


def _named(statement: Statement) -> Named:
    place = statement.date if isinstance(statement, Root) else statement.position
    return statement.chain, statement.program_id, place, statement.chain_hash
