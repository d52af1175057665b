"""What a caller may see only in part: texts of an answer become dots with their last two characters."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

DOTS = "•••"
SHOWN = 2
LONG_ENOUGH = 6


def masked_text(text: str) -> str:
    """The text as dots; a long one keeps its end, by which people recognise it."""
    if not text:
        return text
    return DOTS + (text[-SHOWN:] if len(text) >= LONG_ENOUGH else "")


def mask(message: Message, paths: Iterable[str]) -> None:
    """Mask the text fields at these paths, such as `results.member.identities.external_id`, in place."""
    for path in paths:
        _mask(message, path.split("."))


def _mask(message: Any, path: list[str]) -> None:
    name, *rest = path
    field = message.DESCRIPTOR.fields_by_name[name]
    value = getattr(message, name)
    if rest:
        for each in value if field.is_repeated else [value] * message.HasField(name):
            _mask(each, rest)
    elif field.is_repeated:
        value[:] = [masked_text(each) for each in value]
    else:
        setattr(message, name, masked_text(value))
