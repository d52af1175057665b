"""Heads and roots as Mongo keeps them, read back as they are even where somebody has changed them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion

from libs.common.chains.chain import Head, Root
from libs.common.mongo import Document

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
# A time that no datetime holds is read as the nearest one that does, not refused with its whole page.
CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_CLAMP
)


def text_in(value: object) -> str:
    """A text, or another one that says what is there instead."""
    return value if isinstance(value, str) else f"not a text: {type(value).__name__}"


def time_in(value: object) -> datetime:
    """A time, or one at which nothing ever happened."""
    return value if isinstance(value, datetime) else NO_TIME


def position_in(value: object) -> int:
    """A position, or none."""
    return value if isinstance(value, int) else 0


def head_document(head: Head) -> Document:
    """A new head, which is not yet kept apart."""
    fields = asdict(head)
    if not head.chain:
        del fields["chain"]
    return {"_id": f"{head.program_id}@{head.position}", **fields, "unanchored": True}


def head_from(document: Mapping[str, Any]) -> Head:
    """The head of a document, whatever became of it."""
    return Head(
        service=text_in(document.get("service")),
        program_id=text_in(document.get("program_id")),
        position=position_in(document.get("position")),
        chain_hash=text_in(document.get("chain_hash")),
        signed_time=time_in(document.get("signed_time")),
        key_id=text_in(document.get("key_id")),
        signature=text_in(document.get("signature")),
        chain=text_in(document.get("chain", "")),
    )


def root_document(root: Root) -> Document:
    """A new root, which is not yet kept apart."""
    return {"_id": f"{root.program_id}@{root.date}", **asdict(root), "unanchored": True}


def root_from(document: Mapping[str, Any]) -> Root:
    """The root of a document, whatever became of it."""
    return Root(
        service=text_in(document.get("service")),
        program_id=text_in(document.get("program_id")),
        chain=text_in(document.get("chain")),
        date=text_in(document.get("date")),
        first_position=position_in(document.get("first_position")),
        last_position=position_in(document.get("last_position")),
        root_hash=text_in(document.get("root_hash")),
        chain_hash=text_in(document.get("chain_hash")),
        signed_time=time_in(document.get("signed_time")),
        key_id=text_in(document.get("key_id")),
        signature=text_in(document.get("signature")),
    )
