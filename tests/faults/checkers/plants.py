"""Breaches planted into what a run has found: a checker that passes over one was blind for that run."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.faults.checkers import acknowledged, announced, audited, cycles, goods, ledger
from tests.faults.checkers.judge import Checker
from tests.faults.final import Final
from tests.faults.history import Attempt, History

Planted = tuple[History, Final]


@dataclass(frozen=True, slots=True)
class Plant:
    """A breach, the checker that has to find it, and the promise that it breaks."""

    what: str
    checker: Checker
    promise: str
    plant: Callable[[History, Final], Planted]


def unseen(history: History, final: Final, plants: "Sequence[Plant] | None" = None) -> Iterator[str]:
    """The breaches that no checker finds, or that cannot be planted as there is nothing to plant them in."""
    for each in PLANTS if plants is None else plants:
        try:
            planted = each.plant(history, final)
        except (LookupError, StopIteration, ValueError):
            yield f"{each.what}: there is nothing to plant it in"
            continue
        if not any(finding.promise == each.promise for finding in each.checker(*planted)):
            yield each.what


def _promised(history: History) -> Attempt:
    return next(each for each in history.attempts if each.outcome == "ok" and each.done[:1] == (True,))


def _counted(count: int) -> Callable[[History, Final], Planted]:
    def plant(history: History, final: Final) -> Planted:
        effects = Counter(final.effects)
        effects[_promised(history).effects[0]] = count
        return history, replace(final, effects=effects)

    return plant


def _refused(history: History, final: Final) -> Planted:
    asked = _promised(history)
    refused = replace(asked, client=-1, outcome="fail", key="refused")
    return replace(history, attempts=[refused]), final


def _answered_otherwise(history: History, final: Final) -> Planted:
    again = replace(_promised(history), result=b"another answer")
    return replace(history, attempts=[*history.attempts, again]), final


def _point_more(history: History, final: Final) -> Planted:
    last = history.snapshots[-1]
    name, held = next(iter(last.accounts.items()))
    accounts = {**last.accounts, name: replace(held, balance=held.balance + 1)}
    return replace(history, snapshots=[replace(last, accounts=accounts)]), final


def _entry_gone(history: History, final: Final) -> Planted:
    seen = next(entry for snapshot in history.snapshots for entry in snapshot.entries)
    return history, replace(final, entries=[each for each in final.entries if each.entry_id != seen])


def _balance_edited(history: History, final: Final) -> Planted:
    first, *others = final.accounts
    return history, replace(final, accounts=[replace(first, balance=first.balance + 1), *others])


def _torn(history: History, final: Final) -> Planted:
    """A snapshot that has one account from an earlier moment."""
    for before, after in zip(history.snapshots, history.snapshots[1:], strict=False):
        moved = [name for name, held in after.accounts.items() if before.accounts.get(name) != held]
        stale = next((name for name in moved if name in before.accounts and _is_system(name)), None)
        if stale is not None and len(moved) > 1:
            accounts = {**after.accounts, stale: before.accounts[stale]}
            return replace(history, snapshots=[replace(after, accounts=accounts)]), final
    raise LookupError


def _is_system(account_id: str) -> bool:
    return "issuer" in account_id


def _without_row(history: History, final: Final) -> Planted:
    place = next(n for n, row in enumerate(final.rows) if row.service == "members" and row.last > 0)
    return history, replace(final, rows=[*final.rows[:place], *final.rows[place + 1 :]])


def _twice_decided(history: History, final: Final) -> Planted:
    return history, replace(final, decisions=[*final.decisions, final.decisions[-1]])


def _twice_earned(history: History, final: Final) -> Planted:
    accrual = next(each for each in final.transactions if each.kind == "accrual")
    return history, replace(final, transactions=[*final.transactions, accrual])


def _unaudited(history: History, final: Final) -> Planted:
    audit = Counter(final.audit)
    del audit[next(iter(audit))]
    return history, replace(final, audit=audit)


def _taken_once_more(history: History, final: Final) -> Planted:
    first, *others = final.goods.rewards
    more = {**first, "counted": True, "taken": first["taken"] + 1}
    return history, replace(final, goods=replace(final.goods, rewards=[more, *others]))


def _unpaid(history: History, final: Final) -> Planted:
    _, *others = final.goods.holds
    return history, replace(final, goods=replace(final.goods, holds=others))


def _uncounted(history: History, final: Final) -> Planted:
    used = next(each for each in final.goods.coupons if each["taken_count"])
    coupons = [{**each, "taken_count": 0} if each is used else each for each in final.goods.coupons]
    return history, replace(final, goods=replace(final.goods, coupons=coupons))


def _sold_twice(history: History, final: Final) -> Planted:
    again = replace(final.goods.contracts[0], contract_id="again")
    return history, replace(final, goods=replace(final.goods, contracts=[*final.goods.contracts, again]))


PLANTS: Sequence[Plant] = (
    Plant("an acknowledged effect is gone", acknowledged.check, "D1", _counted(0)),
    Plant("an acknowledged effect is there twice", acknowledged.check, "I1", _counted(2)),
    Plant("a refused effect is there", acknowledged.check, "D2", _refused),
    Plant("another answer under the same key", acknowledged.check, "I1", _answered_otherwise),
    Plant("a point more in a snapshot", ledger.check, "L1", _point_more),
    Plant("an entry that was seen is gone", ledger.check, "L3", _entry_gone),
    Plant("a balance is edited", ledger.check, "L2", _balance_edited),
    Plant("a snapshot of two moments", cycles.check, "L2", _torn),
    Plant("a row of the outbox is gone", announced.check, "E1", _without_row),
    Plant("an event is decided of twice", announced.check, "E1", _twice_decided),
    Plant("an event earns twice", announced.check, "E1", _twice_earned),
    Plant("a reward counts one more than there is", goods.check, "R2", _taken_once_more),
    Plant("a redemption has no hold", goods.check, "R1", _unpaid),
    Plant("a coupon that was used counts nothing", goods.check, "C1", _uncounted),
    Plant("a payment has two contracts", goods.check, "P1", _sold_twice),
    Plant("an audit record is gone", audited.check, "S3", _unaudited),
)
