"""Audit records as Mongo keeps them, read back as they are even where somebody has changed them."""

from collections.abc import Mapping
from typing import Any

from libs.common.audit.record import Actor, Record
from libs.common.chains.documents import position_in, text_in, time_in
from libs.common.mongo import Document


def record_document(record: Record) -> Document:
    """A new record, which waits for its place in the chain."""
    return {
        "_id": record.record_id,
        "program_id": record.program_id,
        "recorded_time": record.recorded_time,
        "actor": {
            "kind": record.actor.kind,
            "subject": record.actor.subject,
            "roles": list(record.actor.roles),
        },
        "act": record.act,
        "objects": list(record.objects),
        "reason": record.reason,
        "before": record.before,
        "after": record.after,
        "request_id": record.request_id,
        "trace_id": record.trace_id,
        "digest": record.digest,
        "unsequenced": True,
    }


def record_from(document: Mapping[str, Any]) -> Record:
    """The record of a document, whatever became of it: what has another type is read as another value."""
    actor = document.get("actor")
    actor = actor if isinstance(actor, dict) else {}
    return Record(
        record_id=text_in(document.get("_id")),
        program_id=text_in(document.get("program_id")),
        recorded_time=time_in(document.get("recorded_time")),
        actor=Actor(text_in(actor.get("kind")), text_in(actor.get("subject")), _list(actor.get("roles"))),
        act=text_in(document.get("act")),
        objects=_list(document.get("objects")),
        reason=text_in(document.get("reason")),
        before=text_in(document.get("before")),
        after=text_in(document.get("after")),
        request_id=text_in(document.get("request_id")),
        trace_id=text_in(document.get("trace_id")),
        digest=text_in(document.get("digest")),
        position=position_in(document.get("position")),
        chain_hash=text_in(document.get("chain_hash", "")),
    )


def _list(value: object) -> tuple[str, ...]:
    return tuple(map(text_in, value)) if isinstance(value, list) else (f"not a list: {type(value).__name__}",)
