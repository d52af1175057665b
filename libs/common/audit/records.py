"""Audit records as Mongo keeps them, read back as they are even where somebody has changed them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion

from libs.common.audit.chain import Actor, Head, Record
from libs.common.mongo import Document

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# A time that no datetime holds is read as the nearest one that does, not refused with its whole page.
CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_CLAMP
)


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
    time, position = document.get("recorded_time"), document.get("position")
    return Record(
        record_id=_text(document.get("_id")),
        program_id=_text(document.get("program_id")),
        recorded_time=time if isinstance(time, datetime) else NO_TIME,
        actor=Actor(_text(actor.get("kind")), _text(actor.get("subject")), _list(actor.get("roles"))),
        act=_text(document.get("act")),
        objects=_list(document.get("objects")),
        reason=_text(document.get("reason")),
        before=_text(document.get("before")),
        after=_text(document.get("after")),
        request_id=_text(document.get("request_id")),
        trace_id=_text(document.get("trace_id")),
        digest=_text(document.get("digest")),
        position=position if isinstance(position, int) else 0,
        chain_hash=_text(document.get("chain_hash", "")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else f"not a text: {type(value).__name__}"


def _list(value: object) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else (f"not a list: {type(value).__name__}",)


def head_document(head: Head) -> Document:
    """A new head, which is not yet kept apart."""
    return {
        "_id": f"{head.program_id}@{head.position}",
        "service": head.service,
        "program_id": head.program_id,
        "position": head.position,
        "chain_hash": head.chain_hash,
        "signed_time": head.signed_time,
        "key_id": head.key_id,
        "signature": head.signature,
        "unanchored": True,
    }


def head_from(document: Mapping[str, Any]) -> Head:
    """The head of a document, whatever became of it."""
    time, position = document.get("signed_time"), document.get("position")
    return Head(
        service=_text(document.get("service")),
        program_id=_text(document.get("program_id")),
        position=position if isinstance(position, int) else 0,
        chain_hash=_text(document.get("chain_hash")),
        signed_time=time if isinstance(time, datetime) else NO_TIME,
        key_id=_text(document.get("key_id")),
        signature=_text(document.get("signature")),
    )
