"""L1 to L5: points are neither made nor lost, balances are their entries, and what is written stays."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.checkers.findings import Finding, broken
from tests.faults.final import Account, Entry, Final
from tests.faults.history import History


def check(history: History, final: Final) -> Iterator[Finding]:
    """The snapshots that were read meanwhile, then the books as they stand."""
    yield from _conserved(history, final)
    yield from _unchanged(history, final)
    yield from _sequences(final)
    yield from _transactions(final)
    yield from _holds(final)


def _conserved(history: History, final: Final) -> Iterator[Finding]:
    """L1: in each currency all accounts sum to nothing, at every moment that was looked at."""
    for snapshot in history.snapshots:
        sums: Counter[str] = Counter()
        for held in snapshot.accounts.values():
            sums[held.currency] += held.balance
        yield from _sums(sums, f"snapshot at {snapshot.at_ns}")
    last: Counter[str] = Counter()
    for account in final.accounts:
        last[account.currency] += account.balance
    yield from _sums(last, "at the end")


def _sums(sums: Counter[str], when: str) -> Iterator[Finding]:
    for currency, total in sorted(sums.items()):
        if total:
            yield broken("L1", currency, f"all accounts sum to {total}, {when}")


def _unchanged(history: History, final: Final) -> Iterator[Finding]:
    """L3: an entry that was seen once is there for ever, as it was."""
    digests = {entry.entry_id: entry.digest for entry in final.entries}
    for snapshot in history.snapshots:
        for entry_id, digest in snapshot.entries.items():
            if entry_id not in digests:
                yield broken("L3", entry_id, "seen in a snapshot, and gone")
            elif digests[entry_id] != digest:
                yield broken("L3", entry_id, "not what it was in a snapshot")


def _sequences(final: Final) -> Iterator[Finding]:
    by_account: dict[str, list[Entry]] = defaultdict(list)
    for entry in final.entries:
        by_account[entry.account_id].append(entry)
    for account in final.accounts:
        yield from _sequence(account, sorted(by_account.pop(account.account_id, []), key=lambda e: e.seq))
    for account_id in by_account:
        yield broken("L2", account_id, "there are entries, and no such account")


def _sequence(account: Account, entries: list[Entry]) -> Iterator[Finding]:
    """L2 and L4 for one account."""
    if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
        yield broken("L2", account.account_id, "the sequence of its entries has gaps or doubles")
    if account.seq != len(entries):
        yield broken("L2", account.account_id, f"at {account.seq}, with {len(entries)} entries")
    balance = 0
    for entry in entries:
        balance += entry.points
        if entry.balance_after != balance:
            yield broken("L2", entry.entry_id, f"says {entry.balance_after} after it, where {balance} are")
            balance = entry.balance_after
        if entry.balance_after < 0 and not account.may_owe:
            yield broken("L4", entry.entry_id, f"leaves {entry.balance_after}")
    if account.balance != sum(entry.points for entry in entries):
        yield broken("L2", account.account_id, f"holds {account.balance}, the entries say otherwise")


def _transactions(final: Final) -> Iterator[Finding]:
    """L3: each has two entries or more, in one currency, that sum to nothing; none where nothing moved."""
    currencies = {account.account_id: account.currency for account in final.accounts}
    by_transaction: dict[str, list[Entry]] = defaultdict(list)
    for entry in final.entries:
        by_transaction[entry.transaction_id].append(entry)
    for transaction in final.transactions:
        entries = by_transaction.pop(transaction.transaction_id, [])
        if sum(entry.points for entry in entries):
            yield broken("L3", transaction.transaction_id, "its entries do not sum to nothing")
        if len(entries) == 1 or (transaction.points and not entries):
            yield broken("L3", transaction.transaction_id, f"has {len(entries)} entries")
        if len({currencies.get(entry.account_id) for entry in entries}) > 1:
            yield broken("L3", transaction.transaction_id, "moves two currencies")
    for transaction_id in by_transaction:
        yield broken("L3", transaction_id, "there are entries, and no such transaction")


def _holds(final: Final) -> Iterator[Finding]:
    """L5: a hold is captured, or given back, once; never more than was held."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for transaction in final.transactions:
        kinds[transaction.hold_id][transaction.kind] += 1
    for held in final.holds:
        found = kinds[held.hold_id]
        captures, releases = found["capture"] + found["redemption"], found["release"]
        rest = held.captured < held.points
        expected = {"open": (0, 0), "captured": (1, int(rest))}.get(held.state, (0, 1))
        if (captures, releases) != expected:
            yield broken(
                "L5", held.hold_id, f"{held.state}, captured {captures} and released {releases} times"
            )
        if not held.returned <= held.captured <= held.points:
            yield broken("L5", held.hold_id, f"{held.captured} captured of {held.points}")
