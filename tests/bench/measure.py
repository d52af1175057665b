"""How figures are measured: two sides in turn, several rounds, the median of their ratios."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

ROUNDS = 5

Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with the least and the most of its rounds."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> "Measured":
        """The median of some rounds."""
        return cls(statistics.median(rounds), min(rounds), max(rounds))


async def ratio(ours: Side, theirs: Side, *, rounds: int = ROUNDS) -> Measured:
    """Ours by theirs, each round one after the other: what else the machine does meets both."""
    await ours()  # connects, compiles, fills caches
    await theirs()
    return Measured.of([await ours() / await theirs() for _ in range(rounds)])


async def p50(call: Callable[[], Awaitable[object]], *, calls: int) -> float:
    """Seconds that half of some calls take at most, one after the other."""
    took = []
    for _ in range(calls):
        started = time.perf_counter()
        await call()
        took.append(time.perf_counter() - started)
    return statistics.median(took)
