"""N4: while no majority of the replica set is there, nothing is acknowledged."""

from collections.abc import Iterator

from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Final
from tests.faults.history import History

WITHOUT_MAJORITY = "two of three"


def check(history: History, final: Final) -> Iterator[Finding]:
    """What was asked when the majority was gone and answered before it was back."""
    for struck in history.struck:
        if struck.kind != WITHOUT_MAJORITY:
            continue
        for attempt in history.attempts:
            within = struck.begin_ns < attempt.invoked_ns and attempt.completed_ns < struck.end_ns
            if within and attempt.outcome == "ok" and attempt.number == 1:
                yield broken("D1", attempt.key, "acknowledged by a replica set without majority")
