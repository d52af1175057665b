"""Commits of this process: who waits for what is stored need not ask again and again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: set[Callable[[], None]] = set()


@contextmanager
def told_of_commits(tell: Callable[[], None]) -> Iterator[None]:
    """Call this after each commit until the block ends."""
    _listeners.add(tell)
    try:
        yield
    finally:
        _listeners.discard(tell)


def committed() -> None:
    """Something was stored just now."""
    for tell in list(_listeners):
        tell()
