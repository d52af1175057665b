"""The checker is tested first: it must find fourteen platforms that are wrong, and pass one that is right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.faults.checkers.findings import Finding
from tests.faults.checkers.judge import idle, judged
from tests.faults.checkers.plants import unseen
from tests.faults.final import Final
from tests.faults.history import History
from tests.faults.model.bugs import Bug
from tests.faults.model.run import Model

OPERATIONS = 400
BREAKS: Mapping[Bug, str] = MappingProxyType(
    {
        Bug.ONE_NODE_ACKNOWLEDGES: "D1",
        Bug.NO_UNIQUE_INDEX: "I1",
        Bug.ACK_BEFORE_COMMIT: "D1",
        Bug.INBOX_OFF: "E1",
        Bug.NO_VERSION_CHECK: "L2",
        Bug.OUTBOX_APART: "E1",
        Bug.CACHED_READ: "L1",
        Bug.RETRY_WITHOUT_KEY: "I1",
        Bug.AUDIT_APART: "S3",
        Bug.CURSOR_LOST: "E1",
        Bug.CANCELLED_AGAIN: "R1",
        Bug.STOCK_APART: "R2",
        Bug.LIMIT_READ_BEFORE: "C1",
        Bug.STALE_PERIOD: "P1",
    }
)
"""The promise that each bug breaks first of all."""

Judge = Callable[[History, Final], list[Finding]]


@dataclass(frozen=True, slots=True)
class Caught:
    """What the checkers made of a platform that is right, and of each that is wrong."""

    false_alarms: tuple[str, ...]
    found: Mapping[Bug, bool]

    @property
    def count(self) -> int:
        """How many of the wrong ones were found."""
        return sum(self.found.values())

    @property
    def may_be_believed(self) -> bool:
        """Whether every bug was found, and nothing where there is none."""
        return not self.false_alarms and all(self.found.values())


def caught(seed: int, judge: Judge = judged) -> Caught:
    """Run the model as it should be, then with one bug at a time."""
    history, final = Model(seed).run(OPERATIONS)
    alarms = [f"{each.promise}: {each.what} {each.detail}" for each in judge(history, final)]
    alarms += [f"nothing of: {each}" for each in idle(history, final)]
    alarms += [f"passed over: {each}" for each in unseen(history, final)]
    found = {bug: _finds(judge, bug, seed) for bug in Bug}
    return Caught(tuple(alarms), found)


def _finds(judge: Judge, bug: Bug, seed: int) -> bool:
    findings = judge(*Model(seed, bug).run(OPERATIONS))
    return any(finding.promise == BREAKS[bug] for finding in findings)
