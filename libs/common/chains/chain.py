"""Chains of records, and what a service signs of them: heads, and the roots of days. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from libs.common.canonical import digest


@dataclass(frozen=True, slots=True)
class Link:
    """A record as its chain sees it: a digest of what it says, and its place, 0 and empty while it waits."""

    object_id: str
    digest: str
    recorded_time: datetime
    position: int = 0
    chain_hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as its service signed it: all records up to `position` are under `chain_hash`.

    `chain` tells the chains of a service apart; that of its audit log has no name.
    """

    service: str
    program_id: str
    position: int
    chain_hash: str
    signed_time: datetime
    key_id: str = ""
    signature: str = field(default="", repr=False)
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Root:
    """The records of one business day as their service signed them: the root of their Merkle tree.

    They are those from `first_position` to `last_position`, where the chain
    has `chain_hash`: a root says all that a head at that place would.
    """

    service: str
    program_id: str
    chain: str
    date: str
    first_position: int
    last_position: int
    root_hash: str
    chain_hash: str
    signed_time: datetime
    key_id: str = ""
    signature: str = field(default="", repr=False)


Statement = Head | Root


def origin(*, service: str, program_id: str, chain: str = "") -> str:
    """What stands before the first record, so that no chain passes for another's."""
    return digest({"service": service, "program_id": program_id} | _named(chain))


def link(previous: str, *, position: int, record_digest: str) -> str:
    """The chain hash at a position, over the one before it and the record's digest."""
    return digest({"previous": previous, "position": position, "digest": record_digest})


def signed_content(statement: Statement) -> Mapping[str, str | int]:
    """What the signature of a head or a root covers."""
    content: dict[str, str | int] = {
        "service": statement.service,
        "program_id": statement.program_id,
        "chain_hash": statement.chain_hash,
        "signed_time": instant(statement.signed_time),
        "key_id": statement.key_id,
    }
    if isinstance(statement, Head):
        return content | {"position": statement.position} | _named(statement.chain)
    return content | {
        "chain": statement.chain,
        "date": statement.date,
        "first_position": statement.first_position,
        "last_position": statement.last_position,
        "root_hash": statement.root_hash,
    }


def _named(chain: str) -> dict[str, str]:
    return {"chain": chain} if chain else {}


def instant(moment: datetime) -> str:
    """A time as digests and lines of heads have it: UTC, in milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
