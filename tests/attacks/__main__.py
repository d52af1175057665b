"""`python -m tests.attacks`: attack the whole platform, write build/attacks.json, exit 1 if it gave way."""

import argparse
import logging
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from libs.cli import foreground
from libs.cli.console import err, out, progress_bar
from tests.attacks.report import Report
from tests.attacks.run import SMALL, WHOLE, Plan, attack

FILE = Path("build/attacks.json")


def main() -> int:
    """Run, write, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=WHOLE.seed, help="of what is generated")
    parser.add_argument("--small", action="store_true", help="as in `make test`, without the siege")
    parser.add_argument("--output", type=Path, default=FILE)
    arguments = parser.parse_args()
    report = _attacked(replace(SMALL if arguments.small else WHOLE, seed=arguments.seed))
    if report is None:
        return 130
    report.write(arguments.output)
    report.show(out)
    return 1 if report.missed() else 0


def _attacked(plan: Plan) -> Report | None:
    # A flood goes on writing for a moment when the other side has hung up, and streams are left half read.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    err.print(f"What is generated comes from seed {plan.seed}", highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="laurel-attacks-"))
    try:
        with progress_bar(err) as progress:
            bar = progress.add_task("Starting", total=None)

            def told(what: str, done: int, total: int) -> None:
                progress.update(bar, description=what.ljust(24), completed=done, total=total)

            return foreground.run(attack(folder, plan, told))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
