"""S3: every privileged act that was done has one audit record, and what was not done has none."""

from collections.abc import Iterator

from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Final
from tests.faults.history import History


def check(history: History, final: Final) -> Iterator[Finding]:
    """By request: what is there of the act, and how many records say so."""
    asked: dict[str, set[str]] = {}
    for attempt in history.attempts:
        if attempt.audited:
            asked.setdefault(attempt.key, set()).update(attempt.effects)
    for key, effects in asked.items():
        done, records = any(final.effects[each] for each in effects), final.audit[key]
        if records != done:
            yield broken("S3", key, f"{'done' if done else 'not done'}, with {records} audit records")
