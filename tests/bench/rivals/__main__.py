"""`python -m tests.bench.rivals`: our gateway against Apollo Server and GraphQL Mesh, all in one run.

Prints tables and adds two rows to build/bench.json; exit 1 if one is not good.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from libs.cli import foreground
from libs.cli.console import err, out
from tests.bench.graph import CALLERS, ONE, QUERIES_EACH, Side, ids
from tests.bench.measure import ROUNDS, Measured
from tests.bench.processes import cpu_seconds
from tests.bench.rivals.gateways import gateways
from tests.bench.rows import FILE, CannotRun, Result, Target, show, write

# V8 compiles what runs often, so the first rounds are slower.
WARM_UPS = 2
HOW = (
    "one member with tier, score, points, benefits and risk, ours with everything on: queries a second of "
    f"{CALLERS} callers, by those of {{}} on the same canned services; each gateway in turn on the same core"
)
ROWS: Mapping[str, Target] = {
    "apollo": Target(
        "query64_vs_apollo",
        good=5.0,
        goal=10.0,
        lower_is_better=False,
        how=HOW.format("Apollo Server with grpc-js and dataloader"),
    ),
    "mesh": Target(
        "query64_vs_mesh",
        good=12.0,
        goal=30.0,
        lower_is_better=False,
        how=HOW.format("GraphQL Mesh on Hive Gateway"),
    ),
}


@dataclass(frozen=True, slots=True)
class Round:
    """What all queries of all callers took once."""

    seconds: float
    cpu_seconds: float

    @classmethod
    async def of(cls, side: Side) -> "Round":
        """Measure one."""
        before = cpu_seconds(side.pid)
        seconds = await side.seconds(CALLERS, QUERIES_EACH, ONE, *ids())
        return cls(seconds, cpu_seconds(side.pid) - before)


Rounds = Mapping[str, Sequence[Round]]


async def rounds(folder: Path) -> Rounds:
    """Each gateway's rounds, one gateway after the other in each: what else the machine does meets all."""
    async with gateways(folder) as every:
        for _ in range(WARM_UPS):
            for side in every.values():
                await Round.of(side)
        taken: dict[str, list[Round]] = {name: [] for name in every}
        for _ in range(ROUNDS):
            for name, side in every.items():
                taken[name].append(await Round.of(side))
    return taken


def times_faster(taken: Rounds, name: str) -> Measured:
    """Our queries a second by those of another gateway."""
    pairs = zip(taken["ours"], taken[name], strict=True)
    return Measured.of([theirs.seconds / ours.seconds for ours, theirs in pairs])


def per_second(taken: Sequence[Round]) -> float:
    """Queries a second, in the round in the middle."""
    return CALLERS * QUERIES_EACH / statistics.median(each.seconds for each in taken)


def cpu_us(taken: Sequence[Round]) -> float:
    """Microseconds of CPU that the gateway takes for a query, in the round in the middle."""
    return statistics.median(each.cpu_seconds for each in taken) / (CALLERS * QUERIES_EACH) * 1e6


def rows(taken: Rounds) -> list[Result]:
    """The rows of a run, with the CPU that a query takes in each gateway."""
    also = {
        "cpu_us_per_query": {name: round(cpu_us(each)) for name, each in taken.items()},
        "queries_per_second": {name: round(per_second(each)) for name, each in taken.items()},
    }
    return [Result(row, times_faster(taken, name), also=also) for name, row in ROWS.items()]


def show_gateways(taken: Rounds) -> None:
    """A table of all gateways."""
    table = Table(title=f"One member, {CALLERS} callers", title_justify="left")
    table.add_column("gateway")
    for column in ("queries/s", "CPU per query, µs", "ours by it"):
        table.add_column(column, justify="right")
    for name, each in taken.items():
        faster = f"{times_faster(taken, name).value:.3g}"
        table.add_row(name, f"{per_second(each):.0f}", f"{cpu_us(each):.0f}", faster)
    out.print(table)


async def measure() -> list[Result]:
    """Both rows, or why there are none."""
    with tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder:
        try:
            with err.status("Measuring the gateway and its rivals; the first time they are installed"):
                taken = await rounds(Path(folder))
        except CannotRun as error:
            return [Result(row, None, str(error)) for row in ROWS.values()]
    show_gateways(taken)
    return rows(taken)


def main() -> int:
    """Run, write, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FILE)
    file = parser.parse_args().output
    results = foreground.run(measure())
    if results is None:
        return 130
    write(results, file)
    show(results)
    return 1 if any(each.is_bad for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
