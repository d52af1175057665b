"""How others fare during a siege: rounds of quiet and of attack, each party a process of its own."""

import asyncio
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.attacks.neighbour import Waits
from tests.attacks.parties import Party, party
from tests.attacks.verdicts import Finding

AROUND_SECONDS = 1.5
"""How much earlier than what is measured the attackers begin, and how much later they end."""


@dataclass(frozen=True, slots=True)
class Round:
    """The 99th percentile of waits in milliseconds, while it was quiet and while somebody attacked."""

    quiet_ms: float
    attacked_ms: float
    heard: Counter[str]
    """What was no good answer, and how often."""
    cases: int
    """How many were tried by the attackers, and in how many seconds."""
    seconds: float

    @property
    def ratio(self) -> float:
        return self.attacked_ms / self.quiet_ms

    @property
    def both_ms(self) -> tuple[float, float]:
        return round(self.quiet_ms, 1), round(self.attacked_ms, 1)


MeasureRound = Callable[[float], Awaitable[tuple[Round, list[Finding]]]]


@asynccontextmanager
async def besieged(folder: Path, seed: int) -> AsyncIterator[MeasureRound]:
    """Neighbour and attackers stand by until the block ends; gives what measures a round of that length."""
    async with party("neighbour", str(folder)) as neighbour, party("siege", str(folder), str(seed)) as siege:
        yield partial(_one_round, neighbour, siege)


async def _one_round(neighbour: Party, siege: Party, seconds: float) -> tuple[Round, list[Finding]]:
    """Measure the neighbour alone, and then beside the attackers."""
    quiet = Waits(*await neighbour.acts(seconds))
    attack = asyncio.create_task(siege.acts(seconds + 2 * AROUND_SECONDS))
    await asyncio.sleep(AROUND_SECONDS)
    attacked = Waits(*await neighbour.acts(seconds))
    met = await attack
    heard = Counter(quiet.heard) + Counter(attacked.heard)
    found = [Finding(**each) for each in met["found"]]
    return Round(quiet.p99_ms, attacked.p99_ms, heard, met["cases"], met["seconds"]), found


def median_ratio(measured: list[Round]) -> float:
    """What a single bad moment of the machine does not decide."""
    return statistics.median(each.ratio for each in measured)


def pace(measured: list[Round]) -> float:
    """How many cases the attackers tried in a second."""
    return sum(each.cases for each in measured) / sum(each.seconds for each in measured)
