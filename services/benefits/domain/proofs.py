"""The proof of one entry: what the chain covers of it, and how that leads to what was signed."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.chains.chain import Head, Root


@dataclass(frozen=True, slots=True)
class Content:
    """An entry, its transaction and the lot that it made as canonical JSON, and the leaf that was chained."""

    entry_id: str
    account_id: str
    entry: str
    transaction: str
    lot: str
    leaf: str
    recorded_time: datetime
    position: int = 0
    chain_hash: str = ""


@dataclass(frozen=True, slots=True)
class Rooted:
    """Under the root of its day: what its leaf is hashed with to get there."""

    root: Root
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """Under the next signed head: the chain hash before it, and the leaves behind it up to the head."""

    head: Head
    previous_hash: str
    following_leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved, and by what; by nothing yet where it waits for its place, or for a head."""

    content: Content
    by: Rooted | Linked | None
