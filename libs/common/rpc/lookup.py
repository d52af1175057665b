"""The answers of a BatchGet: one per key, in the order of the keys."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R")


def in_order(keys: Iterable[K], found: Mapping[K, V], answer: Callable[[V], R], *, missing: R) -> list[R]:
    """The answer for each key that was found, `missing` for the others."""
    return [answer(found[key]) if key in found else missing for key in keys]
