"""Strings that must turn up nowhere: put where callers write, searched for where operators read."""

import secrets
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.telemetry import Logs, Spans, metrics

DEPTH_MAX = 4


class Canaries:
    """Makes them, and remembers where each was put."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def new(self, place: str) -> str:
        """A string that nothing else holds; it keeps the rules of every text field that has some."""
        canary = f"canary{len(self.places):04}{secrets.token_hex(4)}"
        self.places[canary] = place
        return canary

    def keep(self, canary: str, place: str) -> str:
        """One that somebody else has made, such as a token."""
        self.places[canary] = place
        return canary

    def filled(self, kind: Descriptor, depth: int = 0) -> Message:
        """A message with a canary in every text of it."""
        message = GetMessageClass(kind)()
        for field in kind.fields:
            if depth < DEPTH_MAX or field.message_type is None:
                _put(message, field, self._value(field, depth))
        return message

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        if field.name == "program_id":
            return "music_store"  # another one is refused before anything else is looked at
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            return self.filled(field.message_type, depth + 1)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self.new(field.full_name)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self.new(field.full_name).encode()
        return {"key": self.new(field.full_name)} if field.message_type is not None else 1


def _put(message: Message, field: FieldDescriptor, value: Any) -> None:
    target = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        text = field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING
        ((key, canary),) = value.items()
        if field.message_type.fields_by_name["key"].type == FieldDescriptor.TYPE_STRING:
            target[key] = canary if text else 1
    elif field.is_repeated and field.message_type is not None:
        target.add().CopyFrom(value)
    elif field.is_repeated:
        target.append(value)
    elif field.message_type is not None:
        target.CopyFrom(value)
    else:
        setattr(message, field.name, value)


def found(canaries: Canaries, logs: Logs, spans: Spans) -> dict[str, str]:
    """Those that turned up, with where they were put and where they were found; in any case of letters."""
    told = {
        "logs": "\n".join([logs.text(), *_texts(logs.lines())]).lower(),
        "spans": spans.text().lower(),
        "metrics": metrics().lower(),
    }
    return {
        canary: f"{place} is in {where}"
        for canary, place in canaries.places.items()
        for where, text in told.items()
        if canary.lower() in text
    }


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, as it was before it was escaped."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in _texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts(each))
