"""Dataclasses as plain values: what dataclasses.asdict gives, at a fifth of its cost."""

from dataclasses import fields
from functools import cache
from typing import Any

_LEAVES = frozenset({str, int, bool, bytes, float, type(None)})


def asdict(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, those within it alike; what is neither is kept, not copied."""
    names = _names(type(value))  # type: ignore[arg-type]  # types have a hash
    if names is None:
        raise TypeError(f"{type(value).__name__} is no dataclass")
    return {name: _plain(getattr(value, name)) for name in names}


def changes(before: Any, after: Any) -> dict[str, Any]:
    """The fields in which one of two of a dataclass is another than the one before, as asdict gives them."""
    names = _names(type(after)) or ()  # type: ignore[arg-type]  # types have a hash
    return {name: _plain(value) for name in names if (value := getattr(after, name)) != getattr(before, name)}


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _LEAVES:
        return value
    if kind is tuple or kind is list:
        return kind(_plain(each) for each in value)
    if kind is dict:
        return {name: _plain(each) for name, each in value.items()}
    return asdict(value) if _names(kind) is not None else value  # type: ignore[arg-type]


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    return tuple(each.name for each in fields(kind)) if hasattr(kind, "__dataclass_fields__") else None
