"""`python -m tests.bench`: measure, print a table, write build/bench.json; exit 1 if a row is not good."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from libs.cli import foreground
from libs.cli.console import err
from tests.bench import calls, frames, graph, platforms, points, redecide, rescore
from tests.bench.rows import FILE, CannotRun, Result, Row, show, write

ROWS: Sequence[Row] = [
    row for module in (calls, frames, graph, platforms, points, redecide, rescore) for row in module.ROWS
]


async def measure(rows: Sequence[Row], file: Path) -> list[Result]:
    """Each row, one after the other; what was measured stays written, whatever becomes of the next."""
    results = []
    for row in rows:
        with (
            tempfile.TemporaryDirectory(prefix="laurel-bench-") as folder,
            err.status(f"Measuring {row.key}"),
        ):
            try:
                results.append(Result(row, await row.measure(Path(folder))))
            except CannotRun as error:
                results.append(Result(row, None, str(error)))
        write(results, file)
    return results


def main() -> int:
    """Run, write, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("keys", nargs="*", help="only these rows", metavar="ROW")
    parser.add_argument("--output", type=Path, default=FILE)
    arguments = parser.parse_args()
    unknown = set(arguments.keys) - {row.key for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(r.key for r in ROWS)}")
    wanted = [row for row in ROWS if not arguments.keys or row.key in arguments.keys]
    results = foreground.run(measure(wanted, arguments.output))
    if results is None:
        return 130
    show(results)
    return 1 if any(each.is_bad for each in results) else 0


if __name__ == "__main__":
    sys.exit(main())
