"""The audit chain: digests of records, their links, and what a signed head says. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from libs.common.canonical import digest


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it; a subject is a pseudonymous id."""

    kind: str
    subject: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One audit record; `before` and `after` are canonical JSON, empty for nothing.

    `position` and `chain_hash` are its place in the chain, 0 and empty until
    the sequencer has given it one.
    """

    record_id: str
    program_id: str
    recorded_time: datetime
    actor: Actor
    act: str
    objects: tuple[str, ...] = ()
    reason: str = ""
    before: str = ""
    after: str = ""
    request_id: str = ""
    trace_id: str = ""
    digest: str = ""
    position: int = 0
    chain_hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain as its service signed it: all records up to `position` are under `chain_hash`."""

    service: str
    program_id: str
    position: int
    chain_hash: str
    signed_time: datetime
    key_id: str = ""
    signature: str = field(default="", repr=False)


def record_digest(record: Record) -> str:
    """What the record says, in SHA-256: everything but its place in the chain."""
    return digest(
        {
            "record_id": record.record_id,
            "program_id": record.program_id,
            "recorded_time": instant(record.recorded_time),
            "actor": {
                "kind": record.actor.kind,
                "subject": record.actor.subject,
                "roles": record.actor.roles,
            },
            "act": record.act,
            "objects": record.objects,
            "reason": record.reason,
            "before": record.before,
            "after": record.after,
            "request_id": record.request_id,
            "trace_id": record.trace_id,
        }
    )


def sealed(record: Record) -> Record:
    """The record with its digest."""
    return replace(record, digest=record_digest(record))


def origin(*, service: str, program_id: str) -> str:
    """What stands before the first record, so that no chain passes for another's."""
    return digest({"service": service, "program_id": program_id})


def link(previous: str, *, position: int, record_digest: str) -> str:
    """The chain hash at a position, over the one before it and the record's digest."""
    return digest({"previous": previous, "position": position, "digest": record_digest})


def signed_content(head: Head) -> Mapping[str, str | int]:
    """What the signature of a head covers."""
    return {
        "service": head.service,
        "program_id": head.program_id,
        "position": head.position,
        "chain_hash": head.chain_hash,
        "signed_time": instant(head.signed_time),
        "key_id": head.key_id,
    }


def instant(moment: datetime) -> str:
    """A time as digests and lines of heads have it: UTC, in milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
