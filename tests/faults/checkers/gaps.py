"""V1: for how long nobody was answered."""

from collections.abc import Iterator
from itertools import pairwise

from tests.faults.history import History

NANOS = 1_000_000_000


def gaps_seconds(history: History, *, until_ns: int) -> list[float]:
    """For each fault the longest time without an answer from then on until the next fault.

    Of operations of which some are always under way, until clients begin no more.
    """
    begins = sorted(struck.begin_ns for struck in history.struck)
    silences = list(_silences(history, until_ns))
    return [
        max((_within(silence, window) for silence in silences), default=0) / NANOS
        for window in pairwise([*begins, until_ns])
    ]


def _within(silence: tuple[int, int], window: tuple[int, int]) -> int:
    """The whole of a silence that a window meets: it may have begun a little before the fault."""
    overlaps = silence[0] < window[1] and window[0] < silence[1]
    return silence[1] - silence[0] if overlaps else 0


def _silences(history: History, until_ns: int) -> Iterator[tuple[int, int]]:
    """From one answer to the next, by operation."""
    for operation in {each.operation for each in history.attempts if each.steady}:
        own = [each for each in history.attempts if each.operation == operation]
        answered = sorted(each.completed_ns for each in own if each.outcome == "ok")
        moments = [min(each.invoked_ns for each in own), *(each for each in answered if each < until_ns)]
        yield from pairwise([*moments, until_ns])
