"""Books, and the order of those who write and read them: each checker on the smallest with a fault."""

from collections import Counter
from collections.abc import Sequence

import pytest

from tests.faults.checkers import cycles, ledger
from tests.faults.final import Account, Entry, Final, Hold, Transaction
from tests.faults.history import Held, History, Snapshot


def broken(final: Final, *snapshots: Snapshot) -> set[str]:
    """The promises about the books that are broken."""
    return {finding.promise for finding in ledger.check(History(snapshots=list(snapshots)), final)}


def books(*moves: tuple[str, str, int]) -> Final:
    """Accounts and entries that moves come to: transaction, account and points."""
    final = Final()
    balances: Counter[str] = Counter()
    seqs: Counter[str] = Counter()
    for number, (transaction, account, points) in enumerate(moves):
        balances[account] += points
        seqs[account] += 1
        entry = Entry(f"e{number}", transaction, account, seqs[account], points, balances[account], "digest")
        final.entries.append(entry)
    for account, seq in seqs.items():
        final.accounts.append(
            Account(account, "points", balances[account], seq, may_owe=account.startswith("issuer"))
        )
    for transaction in dict.fromkeys(transaction for transaction, _, _ in moves):
        final.transactions.append(Transaction(transaction, "accrual", transaction, 1))
    return final


GOOD = (("t1", "issuer", -5), ("t1", "ann", 5), ("t2", "issuer", -3), ("t2", "bob", 3))


def test_books_that_balance_are_passed() -> None:
    assert broken(books(*GOOD)) == set()


@pytest.mark.parametrize(
    ("moves", "promises"),
    [
        ((("t1", "issuer", -5), ("t1", "ann", 6)), {"L1", "L3"}),
        ((*GOOD, ("t3", "issuer", 9), ("t3", "ann", -9)), {"L4"}),
        ((*GOOD, ("t3", "ann", 0)), {"L3"}),
    ],
    ids=["points made", "overdrawn", "one entry"],
)
def test_books_that_do_not_balance_are_found(
    moves: Sequence[tuple[str, str, int]], promises: set[str]
) -> None:
    assert broken(books(*moves)) == promises


def test_a_snapshot_that_does_not_sum_to_nothing_is_found() -> None:
    torn = Snapshot("witness", 1, {"issuer": Held("points", -5, 1), "ann": Held("points", 6, 1)})

    assert broken(books(*GOOD), torn) == {"L1"}


@pytest.mark.parametrize("entries", [{"e9": "digest"}, {"e0": "other"}], ids=["gone", "changed"])
def test_an_entry_that_was_seen_stays_as_it_was(entries: dict[str, str]) -> None:
    seen = Snapshot("witness", 1, {}, entries)

    assert broken(books(*GOOD), seen) == {"L3"}


@pytest.mark.parametrize(
    ("state", "kinds", "is_right"),
    [
        ("open", ["hold"], True),
        ("captured", ["hold", "capture"], True),
        ("captured", ["hold", "capture", "capture"], False),
        ("released", ["hold", "release"], True),
        ("released", ["hold", "release", "capture"], False),
        ("open", ["hold", "capture"], False),
        ("captured", ["hold", "capture", "release"], False),
    ],
)
def test_a_hold_is_resolved_once(state: str, kinds: Sequence[str], is_right: bool) -> None:
    held = Hold("h1", state, 5, 5 if state == "captured" else 0, 0)
    posted = [Transaction(str(n), kind, "", 0, "h1") for n, kind in enumerate(kinds)]

    assert broken(Final(holds=[held], transactions=posted)) == (set() if is_right else {"L5"})


def order_of(final: Final, *snapshots: Snapshot) -> list[str]:
    """What the search for cycles calls what it finds."""
    findings = cycles.check(History(snapshots=list(snapshots)), final)
    return [finding.what for finding in findings]


def test_transactions_in_one_order_have_no_cycle() -> None:
    moment = Snapshot("witness", 1, {"issuer": Held("points", -5, 1), "ann": Held("points", 5, 1)})

    assert order_of(books(*GOOD), moment) == []


def test_two_transactions_that_write_after_each_other_are_a_dirty_write() -> None:
    crossed = books(("t1", "ann", 1), ("t2", "ann", 1), ("t2", "bob", 1), ("t1", "bob", 1))

    assert order_of(crossed) == ["G0"]


def test_a_snapshot_of_two_moments_is_found() -> None:
    both = books(("t1", "ann", 1), ("t1", "bob", 1))
    torn = Snapshot("witness", 1, {"ann": Held("points", 1, 1)})  # and nothing of bob

    assert order_of(both, torn) == ["G-single"]


def test_a_later_snapshot_of_an_earlier_moment_is_allowed() -> None:
    later = Snapshot("witness", 1, {"issuer": Held("points", -8, 2), "ann": Held("points", 5, 1)})
    stale = Snapshot("witness", 2, {"issuer": Held("points", -5, 1), "ann": Held("points", 5, 1)})
    whole = Snapshot("witness", 1, {**later.accounts, "bob": Held("points", 3, 1)})

    assert order_of(books(*GOOD), whole, stale) == []
