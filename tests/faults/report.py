"""What a campaign found: build/faults.json, a table, and whether every promise was kept."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tests.faults.campaign import Campaign, Outcome
from tests.faults.mutants import Caught
from tests.faults.nemesis import PLANS, Plan

TOLD = 20
HOW = (
    "The whole platform as `laurel up` starts it, mutual TLS included, on a replica set of three mongods "
    "with an election timeout of 2 s, on one machine. An operation is one thing that a client asks for and "
    "is answered about: a purchase of a batch, a registration, a report. acknowledged is what an answer "
    "promised, unknown what nobody was told of to the end. lost is acknowledged and not there, or there "
    "without its effects; doubled is there more than once; broken is any other promise that was not kept. "
    "A gap is a time in which no RecordEvents was answered. Zero in N says below 3/N at 95 %."
)


@dataclass(frozen=True)
class Report:
    """A campaign with what came of it."""

    campaign: Campaign
    caught: Caught
    outcome: Outcome
    left_out: Mapping[str, str]

    def figures(self) -> dict[str, Any]:
        """The contract of build/faults.json."""
        control = self.outcome.control
        return {
            "seed": self.campaign.seed,
            "size": self.campaign.size,
            "mutants_caught": self.caught.count,
            "mutants": {bug.value: found for bug, found in self.caught.found.items()},
            "false_alarms": list(self.caught.false_alarms),
            "w1_control": control and {"acknowledged": control.acknowledged, "lost": control.lost},
            "faults": [self._row(PLANS[name]) for name in PLANS if name in self.campaign.faults],
            "stopped": self.outcome.stopped,
            "logs": self.outcome.logs,
            "how": HOW,
        }

    def _row(self, plan: Plan) -> dict[str, Any]:
        rounds = self.outcome.played.get(plan.name, [])
        if not rounds:
            reason = self.left_out.get(plan.name) or self.outcome.stopped
            return {"fault": plan.name, "what": plan.what, **dict.fromkeys(COUNTED), "reason": reason}
        gaps = sorted(gap for each in rounds for gap in each.gaps_s)
        return {
            "fault": plan.name,
            "what": plan.what,
            **{name: sum(getattr(each, name) for each in rounds) for name in SUMMED},
            "longest_gap_s": gaps[-1],
            "p95_gap_s": gaps[math.ceil(0.95 * len(gaps)) - 1],
            "gap_goal_s": plan.gap_goal_seconds,
            "seconds": round(sum(each.seconds for each in rounds)),
            "findings": [finding for each in rounds for finding in each.findings][:TOLD],
        }

    def missed(self) -> list[str]:
        """What is not as it has to be; gaps are told and not judged, as they are the machine's as well."""
        missed = [f"the bug `{bug}` was not caught" for bug, found in self.caught.found.items() if not found]
        missed += [f"a false alarm: {alarm}" for alarm in self.caught.false_alarms]
        for row in self.figures()["faults"]:
            missed += [f"{row['fault']}: {row[name]:,} {name}" for name in ZERO if row[name]]
        return missed + ([f"ended early: {self.outcome.stopped}"] if self.outcome.stopped else [])

    def write(self, file: Path) -> None:
        """Write the figures."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.figures(), indent=2) + "\n")

    def show(self, console: Console) -> None:
        """Print a table, what was found and what was missed."""
        rows = self.figures()["faults"]
        console.print(_table(rows, self.campaign.size))
        for row in rows:
            if row["count"] is None:
                console.print(f"{row['fault']} was not done: {row['reason']}", markup=False, highlight=False)
            for finding in row.get("findings", []):
                console.print(f"{row['fault']} {finding}", style="red", markup=False, highlight=False)
        for text in self.missed():
            console.print(f"Missed: {text}", style="red", markup=False, highlight=False)
        if self.outcome.logs:
            console.print(f"Logs are in {self.outcome.logs}", markup=False, highlight=False)


ZERO = ("lost", "doubled", "broken")
SUMMED = ("count", "operations", "acknowledged", "unknown", *ZERO, "snapshots")
COUNTED = (*SUMMED, "longest_gap_s")


def _table(rows: Sequence[Mapping[str, Any]], size: str) -> Table:
    table = Table(title=f"Faults, {size}", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("fault", no_wrap=True)
    for name in ("times", "asked", "acked", *ZERO, "gap s"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        what = f"{row['fault']} {row['what']}"
        if row["count"] is None:
            table.add_row(what, "-")
            continue
        counts = [str(row[name]) for name in ("count", "operations", "acknowledged", *ZERO)]
        table.add_row(what, *counts, _gap(row))
    return table


def _gap(row: Mapping[str, Any]) -> str:
    """The longest gap, and the goal where it is above that."""
    gap, goal = row["longest_gap_s"], row["gap_goal_s"]
    return f"{gap:.1f}" if gap <= goal else f"{gap:.1f} > {goal:g}"
