"""What was asked and what came of it: each checker on the smallest history with something to find."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.faults.checkers import acknowledged, announced, audited, quorum
from tests.faults.checkers.gaps import gaps_seconds
from tests.faults.checkers.judge import Checker
from tests.faults.final import Account, Decision, Entry, Event, Final, Row, Transaction
from tests.faults.history import Attempt, History, Outcome, Struck


def an_attempt(outcome: Outcome = "ok", *, index: int = 1, **fields: Any) -> Attempt:
    """An attempt of the first operation of a client."""
    known: dict[str, Any] = {
        "number": 1,
        "operation": "Record",
        "program_id": "shop",
        "key": f"key{index}",
        "digest": "payload",
        "effects": ("sale",),
        "result": b"stored",
        "done": (True,) if outcome == "ok" else (),
    }
    return Attempt(client=0, index=index, outcome=outcome, **{**known, **fields})


def found(checker: Checker, final: Final, *attempts: Attempt, **history: Any) -> set[tuple[str, str]]:
    """The promises that are broken, and how."""
    findings = checker(History(attempts=list(attempts), **history), final)
    return {(finding.promise, finding.kind) for finding in findings}


@pytest.mark.parametrize(
    ("attempts", "count", "expected"),
    [
        ([an_attempt()], 1, set()),
        ([an_attempt()], 0, {("D1", "lost")}),
        ([an_attempt()], 2, {("I1", "doubled")}),
        ([an_attempt("info")], 0, set()),
        ([an_attempt("info")], 1, set()),
        ([an_attempt("info")], 2, {("I1", "doubled")}),
        ([an_attempt("fail")], 0, set()),
        ([an_attempt("fail")], 1, {("D2", "broken")}),
        ([an_attempt("fail"), an_attempt("info")], 1, set()),
        ([an_attempt("fail"), an_attempt()], 0, {("D1", "lost")}),
        ([an_attempt(done=(False,))], 0, set()),
    ],
    ids=[
        "answered and there",
        "answered and gone",
        "answered and there twice",
        "unknown and not there",
        "unknown and there",
        "unknown and there twice",
        "refused and not there",
        "refused and there",
        "refused, then unknown, and there",
        "refused, then answered, and gone",
        "answered that it was rejected",
    ],
)
def test_what_was_answered_is_there_once_and_what_was_refused_is_not(
    attempts: Sequence[Attempt], count: int, expected: set[tuple[str, str]]
) -> None:
    final = Final(effects=Counter({"sale": count}))

    assert found(acknowledged.check, final, *attempts) == expected


def test_one_wish_under_two_names_is_doubled_when_both_are_there() -> None:
    final = Final(effects=Counter(["sale", "again"]))
    attempts = [an_attempt("info"), an_attempt(key="other", effects=("again",))]

    assert found(acknowledged.check, final, *attempts) == {("I1", "doubled")}


@pytest.mark.parametrize("again", [{"result": b"other"}, {"digest": "other"}], ids=["answers", "payloads"])
def test_two_that_differ_under_one_key_are_found(again: dict[str, Any]) -> None:
    final = Final(effects=Counter(["sale"]))

    assert found(acknowledged.check, final, an_attempt(), an_attempt(**again)) == {("I1", "broken")}


JOINED, BOUGHT = Row("members", "ann", 1, 0, 0), Row("members", "ann", 2, 1, 1)


def a_platform() -> Final:
    """One member with one event that has had every effect."""
    return Final(
        members={"ann": 1},
        events=[Event("ann", 1, "sale")],
        rows=[JOINED, BOUGHT, Row("benefits", "ann", 1, transactions=("t1",))],
        decisions=[Decision("ann/main", "ann", 1, 0), Decision("ann/main", "ann", 2, 1)],
        positions={"benefits": {"ann": 1}},
        decided={"ann/main": 2},
        projected={"ann/main": 2},
        accounts=[Account("ann", "points", 5, 1, spender="ann")],
        entries=[Entry("e1", "t1", "ann", 1, 5, 5, "digest")],
        transactions=[Transaction("t1", "accrual", "sale", 5)],
    )


def test_an_event_that_had_every_effect_once_is_passed() -> None:
    assert found(announced.check, a_platform()) == set()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"rows": a_platform().rows[:2]}, "broken"),
        ({"rows": a_platform().rows[::2]}, "lost"),
        ({"rows": [*a_platform().rows, Row("members", "ann", 3, 1, 1)]}, "doubled"),
        (
            {"rows": [*a_platform().rows[:2], Row("benefits", "ann", 1, transactions=("t1",), sent=False)]},
            "lost",
        ),
        ({"rows": [*a_platform().rows, Row("benefits", "ann", 2, transactions=("t1",))]}, "broken"),
        ({"decisions": a_platform().decisions[:1]}, "lost"),
        ({"decisions": [*a_platform().decisions, Decision("ann/main", "ann", 3, 1)]}, "doubled"),
        ({"transactions": []}, "lost"),
        ({"transactions": a_platform().transactions * 2}, "doubled"),
        ({"positions": {"risk": {"ann": 0}}}, "lost"),
        ({"projected": {}}, "lost"),
        ({"waiting": ["a dead letter"]}, "lost"),
        ({"members": {"ann": 2}}, "broken"),
    ],
    ids=[
        "a transaction untold",
        "an event unannounced",
        "an event announced twice",
        "a row unsent",
        "a transaction told twice",
        "an event undecided",
        "an event decided twice",
        "an event without points",
        "an event with points twice",
        "a consumer behind",
        "a projection behind",
        "a dead letter",
        "a sequence with a gap",
    ],
)
def test_an_event_without_its_effect_or_with_two_is_found(change: dict[str, Any], kind: str) -> None:
    final = a_platform()
    for name, value in change.items():
        setattr(final, name, value)

    assert ("E1", kind) in found(announced.check, final)


@pytest.mark.parametrize(
    ("done", "records", "is_right"),
    [(1, 1, True), (0, 0, True), (1, 0, False), (0, 1, False), (1, 2, False)],
)
def test_an_act_has_one_audit_record_exactly_if_it_was_done(done: int, records: int, is_right: bool) -> None:
    final = Final(effects=Counter({"sale": done}), audit=Counter({"key1": records}))

    broken = found(audited.check, final, an_attempt("info", audited=True))

    assert broken == (set() if is_right else {("S3", "broken")})


@pytest.mark.parametrize(
    ("invoked", "completed", "is_right"), [(5, 20, False), (1, 12, True), (12, 35, True)]
)
def test_nothing_is_acknowledged_while_there_is_no_majority(
    invoked: int, completed: int, is_right: bool
) -> None:
    struck = Struck("N4", quorum.WITHOUT_MAJORITY, "two", 1, begin_ns=2, end_ns=30)
    attempt = an_attempt(invoked_ns=invoked, completed_ns=completed)

    broken = found(quorum.check, Final(), attempt, struck=[struck])

    assert broken == (set() if is_right else {("D1", "broken")})


def test_a_gap_is_the_time_from_one_answer_to_the_next_after_each_fault() -> None:
    moments = [(0, 1), (1, 2), (2, 9), (9, 10), (10, 14)]
    attempts = [
        an_attempt(index=n, steady=True, invoked_ns=a * 10**9, completed_ns=b * 10**9)
        for n, (a, b) in enumerate(moments)
    ]
    struck = [Struck("N1", "primary", "mongod", 1, at * 10**9, at * 10**9) for at in (3, 10)]

    gaps = gaps_seconds(History(attempts=attempts, struck=struck), until_ns=16 * 10**9)

    assert gaps == [7, 4]


def test_who_is_never_answered_again_has_a_gap_to_the_end() -> None:
    attempts = [an_attempt(steady=True, invoked_ns=0, completed_ns=10**9), an_attempt("info", steady=True)]
    struck = [Struck("N1", "primary", "mongod", 1, 2 * 10**9, 2 * 10**9)]

    assert gaps_seconds(History(attempts=attempts, struck=struck), until_ns=21 * 10**9) == [20]
