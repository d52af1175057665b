"""`python -m tests.faults`: hurt a whole platform, write build/faults.json, exit 1 if a promise broke."""

import argparse
import os
import sys
from pathlib import Path

from libs.cli import foreground
from libs.cli.console import err, out, progress_bar
from tests.faults import firewall
from tests.faults.campaign import Campaign, Outcome, fight
from tests.faults.firewall import CannotRun, Firewall
from tests.faults.mutants import Caught, caught
from tests.faults.nemesis import PLANS
from tests.faults.report import Report

FILE, FOLDER = Path("build/faults.json"), Path("build/faults")
SEED = 20261123


def main() -> int:
    """Test the checkers, then run, write, show."""
    arguments = _arguments()
    faults = arguments.fault or list(PLANS)
    left_out = _prepared(faults)
    tested = _tested(arguments.seed)
    campaign = Campaign(
        seed=arguments.seed,
        smoke=arguments.size == "smoke",
        faults=faults,
        folder=FOLDER,
        firewall=Firewall() if firewall.NAMESPACE in os.environ else None,
    )
    if not tested.may_be_believed:
        return _reported(
            Report(campaign, tested, Outcome(None, {}, "the checkers cannot be believed"), left_out)
        )
    outcome = _fought(campaign)
    if outcome is None:
        err.print("Ended early." + ("" if campaign.smoke else " The same command goes on from here."))
        return 130
    return _reported(Report(campaign, tested, outcome, left_out), arguments.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=("smoke", "release"), default="smoke")
    parser.add_argument(
        "--fault", choices=list(PLANS), action="append", help="only this one; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the schedules and the model")
    parser.add_argument("--output", type=Path, default=FILE)
    return parser.parse_args()


def _prepared(faults: list[str]) -> dict[str, str]:
    """Begin anew in a network namespace where packets are to be dropped; or why that cannot be."""
    if "N3" not in faults or firewall.NAMESPACE in os.environ:
        return {}
    try:
        firewall.require()
    except CannotRun as error:
        err.print(f"N3 is left out: {error}.", highlight=False)
        return {"N3": str(error)}
    os.environ[firewall.NAMESPACE] = "1"
    command = firewall.in_namespace([sys.executable, "-m", "tests.faults", *sys.argv[1:]])
    return os.execvp(command[0], command)


def _tested(seed: int) -> Caught:
    with err.status("Testing the checkers"):
        found = caught(seed)
    err.print(f"{found.count} of {len(found.found)} planted bugs are caught (seed {seed})", highlight=False)
    return found


def _fought(campaign: Campaign) -> Outcome | None:
    with progress_bar(err) as progress:
        bar = progress.add_task("Starting", total=None)

        def told(what: str, done: int, total: int) -> None:
            progress.update(bar, description=what.ljust(24), completed=done, total=total)

        return foreground.run(fight(campaign, told))


def _reported(report: Report, file: Path = FILE) -> int:
    report.write(file)
    report.show(out)
    return 1 if report.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
