"""Asks case after case: counts them, keeps what is wrong, and how long the slowest refusal took."""

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.attacks.verdicts import Answer, Case, Finding, findings

REPEATS, SERIES = 3, 3
SLOW_SECONDS = 0.05


@dataclass
class Judge:
    """What came of all cases so far."""

    cases: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    found: list[Finding] = field(default_factory=list)
    slowest_seconds: float = 0.0
    slowest_case: str = ""

    async def judge(self, case: Case) -> None:
        """Ask it, and again where its refusal is timed and slow."""
        started = time.monotonic()
        answer = await case.ask(0)
        self.note(case, answer)
        if case.timed and answer.refused:
            await self._time(case, answer)
        self.seconds[case.group] += time.monotonic() - started

    def note(self, case: Case, answer: Answer) -> None:
        """Count a case, and keep what is wrong with its answer."""
        self.cases[case.group] += 1
        self.outcomes[case.group][answer.outcome] += 1
        self.found += findings(case, answer)

    async def _time(self, case: Case, answer: Answer) -> None:
        """Time a refusal: the best of three; one that is not the slowest so far need not be asked again.

        Where it seems too slow it is looked at again a little later, as others use this machine, too.
        """
        best = answer.seconds
        for attempt in range(1, REPEATS * SERIES):
            if best <= self.slowest_seconds or (attempt >= REPEATS and best < SLOW_SECONDS):
                break
            await asyncio.sleep(0.01 if attempt % REPEATS else 0.5)
            best = min(best, (await case.ask(attempt)).seconds)
        if best > self.slowest_seconds:
            self.slowest_seconds, self.slowest_case = best, f"{case.group}: {case.name}"

    def count(self, kind: str) -> int:
        """How many findings of a kind there are."""
        return sum(each.kind == kind for each in self.found)
