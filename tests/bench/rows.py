"""The rows of the benchmark: what each measures, and what is good."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from libs.cli.console import out
from tests.bench.measure import Measured

FILE = Path("build/bench.json")


class CannotRun(Exception):
    """This machine cannot measure a row; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one figure is to reach: a ratio, a count, or a time where `key` says so."""

    key: str
    good: float
    goal: float
    lower_is_better: bool
    how: str

    def is_good(self, value: float) -> bool:
        """Whether a value is at least good."""
        return value <= self.good if self.lower_is_better else value >= self.good

    def is_goal(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return value <= self.goal if self.lower_is_better else value >= self.goal


@dataclass(frozen=True, slots=True)
class Row(Target):
    """A figure that is measured by itself."""

    measure: Callable[[Path], Awaitable[Measured]]


@dataclass(frozen=True, slots=True)
class Result:
    """What a row came to, or why it did not; `also` has further figures of the run, by their names."""

    row: Target
    measured: Measured | None
    reason: str = ""
    also: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        """Whether it was measured, and is not good."""
        return self.measured is not None and not self.row.is_good(self.measured.value)

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
            **self.also,
        }


def write(results: Sequence[Result], file: Path) -> None:
    """Write all rows; those of an earlier run that were not measured now stay as they are."""
    fresh = {result.row.key: result.document() for result in results}
    before = json.loads(file.read_text()) if file.exists() else []
    kept = {each["key"]: each for each in before}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(list((kept | fresh).values()), indent=2) + "\n")


def show(results: Sequence[Result]) -> None:
    """A table of all rows."""
    table = Table(title="Benchmark", title_justify="left")
    table.add_column("row")
    for column in ("value", "of rounds", "good", "goal"):
        table.add_column(column, justify="right")
    for result in results:
        row, found = result.row, result.measured
        sign = "≤" if row.lower_is_better else "≥"
        bounds = (f"{sign} {row.good:g}", f"{sign} {row.goal:g}")
        if found is None:
            table.add_row(row.key, "-", result.reason, *bounds)
        else:
            colour = "green" if row.is_goal(found.value) else "default" if row.is_good(found.value) else "red"
            spread = f"{found.low:.3g} to {found.high:.3g}"
            table.add_row(row.key, f"[{colour}]{found.value:.3g}[/]", spread, *bounds)
    out.print(table)
