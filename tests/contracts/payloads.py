"""Other contents under the same request id."""

from typing import Any, TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def changed(request: M, **fields: Any) -> M:
    """The request with these fields instead of what it has there."""
    other = type(request)()
    other.CopyFrom(request)
    for name in fields:
        other.ClearField(name)
    other.MergeFrom(type(request)(**fields))
    return other
