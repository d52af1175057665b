"""How others fare during a siege: rounds of quiet and of attack, each party a process of its own."""

import asyncio
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attacks.neighbour import Waits
from tests.attacks.verdicts import Finding

MADE_READY_SECONDS = 60.0
"""For a process to start, and to make what it sends."""


@dataclass(frozen=True, slots=True)
class Round:
    """The 99th percentile of waits in milliseconds, while it was quiet and while somebody attacked."""

    quiet_ms: float
    attacked_ms: float
    failed: int
    cases: int

    @property
    def ratio(self) -> float:
        return self.attacked_ms / self.quiet_ms

    @property
    def both_ms(self) -> tuple[float, float]:
        return round(self.quiet_ms, 1), round(self.attacked_ms, 1)


async def one_round(folder: Path, *, seconds: float, seed: int) -> tuple[Round, list[Finding]]:
    """Measure the neighbour alone, and then beside the attackers."""
    quiet = await _neighbour(folder, seconds)
    # The attackers go on for a little longer than is measured, and begin before.
    siege = asyncio.create_task(_run("siege", str(folder), str(seconds * 2 + 6), str(seed)))
    await asyncio.sleep(seconds / 2 + 5)
    attacked = await _neighbour(folder, seconds)
    met = await siege
    found = [Finding(**each) for each in met["found"]]
    return Round(quiet.p99_ms, attacked.p99_ms, quiet.failed + attacked.failed, met["cases"]), found


def median_ratio(rounds: list[Round]) -> float:
    """What a single bad moment of the machine does not decide."""
    return statistics.median(each.ratio for each in rounds)


async def _neighbour(folder: Path, seconds: float) -> Waits:
    return Waits(*await _run("neighbour", str(folder), str(seconds)))


async def _run(module: str, *arguments: str) -> Any:
    """What a process of ours prints, or why it did not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.attacks.{module}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(MADE_READY_SECONDS + float(arguments[1])):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{module} ended with {process.returncode}"
    return json.loads(printed)
