"""Heads of audit chains that go with a restored database: those kept apart after it was backed up do not."""

from pathlib import Path
from typing import Any

from pymongo.database import Database

from libs.common.audit.heads import append_heads, read_heads

# Program, position and chain hash name a head.
Named = tuple[str, int, str]


def heads_of(database: Database[dict[str, Any]]) -> frozenset[Named]:
    """The heads that a service's database has."""
    found = database.audit_heads.find({}, {"program_id": 1, "position": 1, "chain_hash": 1})
    return frozenset((each["program_id"], each["position"], each["chain_hash"]) for each in found)


def keep_heads(kept: Path, target: Path, *, of: frozenset[Named]) -> None:
    """Append the heads of a file that a database has, in their order, to another file."""
    heads = [head for head in read_heads(kept) if not isinstance(head, int)]
    append_heads(target, [each for each in heads if (each.program_id, each.position, each.chain_hash) in of])
