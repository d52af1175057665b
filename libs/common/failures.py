"""Exceptions as logs show them: kinds and frames, without what they say unless that is asked for."""

import traceback
from collections.abc import Iterator
from types import TracebackType

CHAIN_MAX = 8
FRAMES_MAX = 30

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def frames(exc_info: ExcInfo) -> str:
    """The exceptions of a chain, the last first, each with its innermost frames."""
    return "\nafter\n".join(f"{kind(error)}\n{_frames(error)}" for error in _chain(exc_info[1]))


def with_texts(exc_info: ExcInfo) -> str:
    """The same with what each exception says, for machines whose data is nobody's."""
    return "\nafter\n".join(f"{kind(error)}: {error}\n{_frames(error)}" for error in _chain(exc_info[1]))


def kind(error: BaseException) -> str:
    """The name of an exception's class, and the number that drivers and the system give it."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    number = getattr(error, "code", None) or getattr(error, "errno", None)
    return f"{name} {number}" if isinstance(number, int) else name


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it came of, group members included; a bounded number of each."""
    waiting, seen = [error], 0
    while waiting and seen < CHAIN_MAX:
        each = waiting.pop(0)
        seen += 1
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        before = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        waiting += [before] if before is not None else []


def _frames(error: BaseException) -> str:
    """Where it was raised; the innermost frames, as deep recursions have thousands."""
    return "".join(traceback.format_tb(error.__traceback__, limit=-FRAMES_MAX)).rstrip()
