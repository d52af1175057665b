"""What an attack run found: figures for build/attacks.json, tables, and whether it is good enough."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.attacks.judge import Judge
from tests.attacks.rounds import Round, median_ratio, pace

REFUSAL_MS_MAX, RATIO_MAX, GROWTH_MB_MAX = 50.0, 2.0, 50.0
PACE_MIN = 40.0
"""Of 50 cases a second: attackers who are held up for longer, as by others on this machine, show nothing."""
SHOWN = 40
HOW = (
    "The whole platform as `laurel up` starts it, mutual TLS included, on one machine with its attackers. "
    "Cases are asked one after the other. slowest_refusal_ms is from the first byte sent to the last byte "
    "read, the best of three (of nine, half a second apart, where it seemed above 50 ms); cases that wait "
    "for somebody on purpose are not timed. neighbour_p99_ratio is the median of rounds: 40 requests a "
    "second of an honest member and an honest partner in a process of its own, quiet and beside 8 attackers "
    "with up to 50 cases a second and one flood of frames after the other, in another process that gives "
    "way to the platform; neighbour_heard is what was no good answer. status_5xx counts HTTP 5xx, INTERNAL, "
    "UNKNOWN and DATA_LOSS, defects in the logs and processes that ended; not what gRPC itself says to heads "
    "that it cannot read (told_by_grpc). rss_growth_mb is the peak over what there was after a warm-up."
)


@dataclass
class Report:
    """All that was found."""

    judge: Judge
    seed: int
    generated: int = 0
    growth_mb: dict[str, float] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """The contract of build/attacks.json."""
        judge, heard = self.judge, sum((each.heard for each in self.rounds), Counter[str]())
        return {
            "cases": judge.cases.total() + sum(each.cases for each in self.rounds),
            "status_5xx": judge.count("status_5xx"),
            "leaks": judge.count("leak"),
            "unexpected": judge.count("unexpected"),
            "slowest_refusal_ms": round(judge.slowest_seconds * 1000, 1),
            "slowest_refusal": judge.slowest_case,
            "neighbour_p99_ratio": round(median_ratio(self.rounds), 2) if self.rounds else None,
            "neighbour_p99_ms": [each.both_ms for each in self.rounds],
            "siege_cases_per_second": round(pace(self.rounds), 1) if self.rounds else None,
            "neighbour_failed": heard.total(),
            "neighbour_heard": dict(heard),
            "rss_growth_mb": max(self.growth_mb.values(), default=0.0),
            "rss_growth_mb_by_process": self.growth_mb,
            "generated": self.generated,
            "told_by_grpc": judge.outcomes["transport"]["told by gRPC"],
            "groups": dict(judge.cases),
            "seed": self.seed,
            "seconds": round(self.seconds),
            "how": HOW,
        }

    def missed(self) -> list[str]:
        """What is not as it has to be."""
        figures = self.figures()
        missed = [f"{name} is {figures[name]}, not 0" for name in ZERO if figures[name]]
        for name, most in AT_MOST.items():
            if figures[name] is not None and figures[name] >= most:
                missed.append(f"{name} is {figures[name]}, not below {most:g}")
        if self.rounds and pace(self.rounds) < PACE_MIN:
            missed.append(f"siege_cases_per_second is {pace(self.rounds):.1f}, not {PACE_MIN:g} or more")
        return missed

    def write(self, file: Path) -> None:
        """Write the figures and each finding."""
        file.parent.mkdir(parents=True, exist_ok=True)
        found = [
            {"kind": each.kind, "group": each.group, "case": each.case, "detail": each.detail}
            for each in self.judge.found
        ]
        file.write_text(json.dumps(self.figures() | {"found": found}, indent=2, ensure_ascii=True) + "\n")

    def show(self, console: Console) -> None:
        """Print tables."""
        console.print(_groups(self.judge))
        for each in self.judge.found[:SHOWN]:
            said = f"{each.kind}: {each.group}: {each.case}: {each.detail}"
            console.print(said.encode("unicode_escape").decode(), style="red", markup=False, highlight=False)
        if len(self.judge.found) > SHOWN:
            console.print(f"… and {len(self.judge.found) - SHOWN} more")
        figures = Table(title="Attacks", title_justify="left")
        figures.add_column("figure")
        figures.add_column("value", justify="right")
        for name in SHOWN_FIGURES:
            figures.add_row(name, str(self.figures()[name]))
        console.print(figures)
        for text in self.missed():
            console.print(f"Missed: {text}", style="red", highlight=False)


ZERO = ("status_5xx", "leaks", "unexpected", "neighbour_failed")
AT_MOST = {
    "slowest_refusal_ms": REFUSAL_MS_MAX,
    "neighbour_p99_ratio": RATIO_MAX,
    "rss_growth_mb": GROWTH_MB_MAX,
}
SHOWN_FIGURES = (
    *("cases", "generated", *ZERO, *AT_MOST),
    *(
        "slowest_refusal",
        "neighbour_p99_ms",
        "neighbour_heard",
        "rss_growth_mb_by_process",
        "seed",
        "seconds",
    ),
)


def _groups(judge: Judge) -> Table:
    table = Table(title="Cases", title_justify="left")
    for column in ("group", "cases", "found", "seconds", "most frequent outcomes"):
        table.add_column(column, justify="right" if column in {"cases", "found", "seconds"} else "left")
    for group, count in judge.cases.items():
        found = sum(each.group == group for each in judge.found)
        outcomes = ", ".join(f"{name} {times}" for name, times in judge.outcomes[group].most_common(3))
        table.add_row(group, str(count), str(found), f"{judge.seconds[group]:.1f}", outcomes)
    return table
