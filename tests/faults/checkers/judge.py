"""All checkers together: what a run has shown."""

from collections.abc import Callable, Iterator

from tests.faults.checkers import acknowledged, announced, audited, cycles, goods, ledger, quorum
from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Final
from tests.faults.history import History

Checker = Callable[[History, Final], Iterator[Finding]]
CHECKERS: tuple[Checker, ...] = (
    acknowledged.check,
    ledger.check,
    cycles.check,
    announced.check,
    audited.check,
    goods.check,
    quorum.check,
)


def judged(history: History, final: Final) -> list[Finding]:
    """Every breach of a promise; the platform's own verification has its say, too."""
    found = [broken("L2", fault, "says the platform itself") for fault in final.faults]
    return found + [finding for checker in CHECKERS for finding in checker(history, final)]


def idle(history: History, final: Final) -> list[str]:
    """What the checkers had nothing of: a run without it shows nothing."""
    there = {
        "acknowledged operations": any(each.outcome == "ok" for each in history.attempts),
        "answers repeated under their key": _repeated(history),
        "snapshots of the accounts": len(history.snapshots) > 1,
        "entries in snapshots": any(each.entries for each in history.snapshots),
        "events": bool(final.events),
        "announcements": bool(final.rows),
        "decisions": bool(final.decisions),
        "accruals": any(each.kind == "accrual" for each in final.transactions),
        "consumers": bool(final.positions),
        "projections": bool(final.projected),
        "redemptions": bool(final.goods.redemptions),
        "uses of coupons": bool(final.goods.reservations),
        "contracts": bool(final.goods.contracts),
        "audit records": bool(final.audit),
        "faults": bool(history.struck),
    }
    return [name for name, is_there in there.items() if not is_there]


def _repeated(history: History) -> bool:
    answered = [each.key for each in history.attempts if each.outcome == "ok"]
    return len(set(answered)) < len(answered)
