"""Audit records, their digests, and what their chain sees of them. Pure functions."""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.common.canonical import digest
from libs.common.chains.chain import Link, instant


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


def record_link(record: Record) -> Link:
    """What the chain sees of a record: the digest that was stored with it."""
    return Link(record.record_id, record.digest, record.recorded_time, record.position, record.chain_hash)
