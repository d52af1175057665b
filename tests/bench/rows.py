"""The rows of the benchmark: what each measures, and what is good."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Measured


class CannotRun(Exception):
    """This machine cannot measure a row; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: a ratio, a count, or a time where `key` says so."""

    key: str
    good: float
    goal: float
    lower_is_better: bool
    how: str
    measure: Callable[[Path], Awaitable[Measured]]

    def is_good(self, value: float) -> bool:
        """Whether a value is at least good."""
        return value <= self.good if self.lower_is_better else value >= self.good

    def is_goal(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return value <= self.goal if self.lower_is_better else value >= self.goal


@dataclass(frozen=True, slots=True)
class Result:
    """What a row came to, or why it did not."""

    row: Row
    measured: Measured | None
    reason: str = ""

    def document(self) -> Mapping[str, object]:
        """As in build/bench.json."""
        row, measured = self.row, self.measured
        figures = (
            {"value": None, "low": None, "high": None, "reason": self.reason}
            if measured is None
            else {
                "value": round(measured.value, 4),
                "low": round(measured.low, 4),
                "high": round(measured.high, 4),
            }
        )
        return {
            "key": row.key,
            **figures,
            "good": row.good,
            "goal": row.goal,
            "lower_is_better": row.lower_is_better,
            "how": row.how,
        }


def write(results: Sequence[Result], file: Path) -> None:
    """Write all rows; those of an earlier run that were not measured now stay as they are."""
    fresh = {result.row.key: result.document() for result in results}
    before = json.loads(file.read_text()) if file.exists() else []
    kept = {each["key"]: each for each in before}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list((kept | fresh).values()), indent=2) + "\n")
