"""The verdicts themselves: what is planted is found, so that a run can fail."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.attacks import logs
from tests.attacks.hand.evil_texts import FORGED
from tests.attacks.judge import Judge
from tests.attacks.neighbour import percentile
from tests.attacks.report import Report
from tests.attacks.rounds import Round
from tests.attacks.verdicts import Answer, Case, Finding, findings, leaks

REFUSED = "INVALID_ARGUMENT INVALID_REQUEST"


def a_case(*expected: str, answers: list[Answer] | None = None, timed: bool = True, sent: str = "") -> Case:
    given = iter(answers or [])

    async def ask(_: int) -> Answer:
        return next(given)

    return Case("group", "name", ask, expected, sent=sent, timed=timed)


def kinds(case: Case, answer: Answer) -> list[str]:
    return [each.kind for each in findings(case, answer)]


@pytest.mark.parametrize(
    "outcome",
    [
        *("500", "500 INTERNAL", "502", "503", "504 OK", "200 INTERNAL", "200 BAD_USER_INPUT+INTERNAL"),
        *("INTERNAL", "INTERNAL INTERNAL", "UNKNOWN", "DATA_LOSS"),
    ],
)
def test_an_answer_that_says_that_we_failed_is_found_whatever_was_expected(outcome: str) -> None:
    assert kinds(a_case(), Answer(outcome)) == ["status_5xx"]
    assert kinds(a_case("400 BAD_REQUEST"), Answer(outcome)) == ["status_5xx"]


@pytest.mark.parametrize(
    "outcome", ["200 OK", "NOT_FOUND PROGRAM_UNKNOWN", "OK EVENT_INVALID", "UNIMPLEMENTED"]
)
def test_what_is_documented_is_no_fault(outcome: str) -> None:
    assert kinds(a_case(), Answer(outcome)) == []


@pytest.mark.parametrize(
    "outcome",
    [
        *("", "closed", "no answer", "418 OK", "400", "400 UNCODED", "200 NO_SUCH_CODE", "INVALID_ARGUMENT"),
        *("UNAVAILABLE UNAVAILABLE", "DEADLINE_EXCEEDED DEADLINE_EXCEEDED", "200 UNAVAILABLE", "OK NO_SUCH"),
    ],
)
def test_what_no_document_names_is_found(outcome: str) -> None:
    assert kinds(a_case(), Answer(outcome)) == ["unexpected"]


def test_another_outcome_than_the_expected_one_is_found() -> None:
    assert kinds(a_case(REFUSED), Answer(REFUSED)) == []
    assert kinds(a_case(REFUSED), Answer("OK")) == ["unexpected"]
    assert kinds(a_case(REFUSED), Answer("INVALID_ARGUMENT MALFORMED_REQUEST")) == ["unexpected"]


LEAKS = (
    "Traceback (most recent call last):",
    '  File "/work/x.py", line 3, in f',
    "services.members.handlers.intake",
    "libs.common.mongo",
    "in edge.py",
    "pymongo.errors",
    "the motor failed",
    "grpc._cython.cygrpc",
    "E11000 duplicate key error collection",
    "WriteConflict",
    "errmsg: x",
    "/home/laurel/keys",
    "open /usr/lib/python3",
    "KeyError: 'x'",
    "OperationFailure RecursionError",
    "Unexpected <class 'google.protobuf.message.DecodeError'>",
    "<Thing object at 0x7f00>",
    "Cannot query field 'nme'. Did you mean 'name'?",
)


@pytest.mark.parametrize("text", LEAKS)
def test_our_insides_in_an_answer_are_found(text: str) -> None:
    assert kinds(a_case(REFUSED), Answer(REFUSED, f'{{"message":"{text}"}}'))[0] == "leak"


@pytest.mark.parametrize(
    "text",
    [
        "the bytes are no message of this type ErrorInfo reason: MALFORMED_REQUEST",
        "Field 'x' of type 'Y!' must have a selection of subfields. Did you mean 'x { ... }'?",
        "content-type: application/graphql-response+json; see https://laurel.example/errors",
        "must match ^[a-z][a-z0-9_]{0,62}$ at registrations[0].external_member_id",
    ],
)
def test_what_we_say_to_people_is_no_leak(text: str) -> None:
    assert leaks(text) == {}


def test_what_was_sent_may_come_back() -> None:
    said = "Cannot query field 'x' of ../../etc/passwd: /etc/passwd"

    assert leaks(said)
    assert leaks(said, sent="../../etc/passwd") == {}


async def test_the_best_of_three_counts_and_only_of_refusals() -> None:
    judge = Judge()
    slow, quick = Answer(REFUSED, seconds=0.04), Answer(REFUSED, seconds=0.02)

    await judge.judge(a_case(answers=[slow, quick, slow]))
    await judge.judge(a_case(answers=[Answer("OK", refused=False, seconds=9)]))
    await judge.judge(a_case(answers=[slow], timed=False))

    assert (judge.slowest_seconds, judge.cases["group"], judge.found) == (0.02, 3, [])


async def test_a_refusal_that_is_slow_every_time_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(_: float) -> None:
        pass

    monkeypatch.setattr(asyncio, "sleep", at_once)
    judge = Judge()

    await judge.judge(a_case(answers=[Answer(REFUSED, seconds=0.2)] * 9))

    assert Report(judge, seed=1).missed() == ["slowest_refusal_ms is 200.0, not below 50"]


@pytest.mark.parametrize(
    ("kind", "said"), [("status_5xx", "status_5xx"), ("leak", "leaks"), ("unexpected", "unexpected")]
)
def test_one_finding_of_any_kind_fails_the_run(kind: str, said: str) -> None:
    report = Report(Judge(found=[Finding(kind, "group", "name", "detail")]), seed=1)  # type: ignore[arg-type]

    assert report.missed() == [f"{said} is 1, not 0"]


def a_round(
    quiet_ms: float, attacked_ms: float, heard: Counter[str] | None = None, cases: int = 500
) -> Round:
    return Round(quiet_ms, attacked_ms, heard or Counter(), cases, seconds=5)


def test_a_run_is_as_good_as_its_median_round_and_its_hungriest_process() -> None:
    calm, bad = a_round(10, 15), a_round(10, 90)
    report = Report(Judge(), seed=1, growth_mb={"members": 12.5}, rounds=[bad, calm, calm])

    assert report.missed() == []
    assert replace(report, rounds=[bad, bad, calm]).missed() == ["neighbour_p99_ratio is 9.0, not below 2"]
    assert replace(report, growth_mb={"risk": 50.0}).missed() == ["rss_growth_mb is 50.0, not below 50"]
    assert report.figures()["cases"] == 1500


def test_attackers_who_were_held_up_show_nothing() -> None:
    report = Report(Judge(), seed=1, rounds=[a_round(10, 10, cases=200), a_round(10, 10, cases=190)])

    assert report.missed() == ["siege_cases_per_second is 39.0, not 40 or more"]


def test_neighbours_that_were_not_answered_fail_the_run() -> None:
    heard = Counter({"200 INTERNAL": 1})
    report = Report(Judge(), seed=1, rounds=[a_round(10, 10, heard)] * 2)

    assert report.missed() == ["neighbour_failed is 2, not 0"]
    assert report.figures()["neighbour_heard"] == {"200 INTERNAL": 2}


def test_one_in_a_hundred_may_wait_longer() -> None:
    assert percentile([float(number) for number in range(1, 101)], 99) == 99
    assert percentile([5.0], 99) == 5


GOOD_LINE = '{"event": "denied", "level": "warning", "service": "members"}'


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("E1122 handshake failed", "unexpected"),
        ('Traceback (most recent call last): File "x"', "unexpected"),
        ('{"event": "\x1b[31mred"}', "unexpected"),
        ('{"event": "defect", "exception": "KeyError"}', "status_5xx"),
        ('{"event": "boom", "exception": "frames"}', "status_5xx"),
        (f'{{"event": "{FORGED}"}}', "leak"),
        ('{"event": "x", "token": "eyJhbGciOiJFZERTQSJ9.e30.x"}', "leak"),
    ],
)
def test_a_line_of_a_log_that_is_wrong_is_found(line: str, kind: str) -> None:
    assert [each.kind for each in logs.faults("members", line)][:1] == [kind]
    assert list(logs.faults("members", GOOD_LINE)) == []


def test_a_forged_line_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "members.log"
    file.write_text(f'{GOOD_LINE}\n{{"level":"error","event":"{FORGED}"}}\n{GOOD_LINE}\n')

    assert len(logs.lines(file)) == 3
