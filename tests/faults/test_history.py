"""Histories are kept line by line, and read again from what a run has left."""

from itertools import count
from pathlib import Path

import pytest

from tests.faults.history import (
    Attempt,
    Completion,
    Held,
    Outcome,
    Recorder,
    Snapshot,
    Struck,
    ends_of,
    read,
)


def an_attempt(*effects: str, **fields: object) -> Attempt:
    known = {"client": 1, "index": 2, "number": 1, "operation": "Record", "program_id": "shop", "key": "k"}
    return Attempt(**{**known, "digest": "d", "effects": effects, **fields})  # type: ignore[arg-type]


def recorded(file: Path) -> Recorder:
    """Two requests, of which one is answered, a snapshot and a fault."""
    recorder = Recorder(file, clock=count(1).__next__)
    place = recorder.invoke(an_attempt("sale"))
    recorder.invoke(an_attempt("other", index=3))
    recorder.complete(place, Completion("ok", "OK", b"\x00answer", (True,)))
    recorder.snapshot(Snapshot("witness", 7, {"ann": Held("points", 5, 1)}, {"e1": "digest"}))
    recorder.struck(Struck("N1", "primary", "mongod0", 4711, 8, 9))
    return recorder


def test_a_history_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "history.jsonl")

    with (tmp_path / "history.jsonl").open() as lines:
        assert read(lines) == recorder.history


def test_what_was_asked_before_a_run_was_killed_is_unknown(tmp_path: Path) -> None:
    recorded(tmp_path / "history.jsonl")
    lines = (tmp_path / "history.jsonl").read_text().splitlines()

    history = read([*lines[:2], lines[2][:40]])

    assert [attempt.outcome for attempt in history.attempts] == ["info", "info"]
    assert history.snapshots == []


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["ok"], "ok"),
        (["info", "ok"], "ok"),
        (["fail"], "fail"),
        (["fail", "fail"], "fail"),
        (["info", "fail"], "info"),
        (["info"], "info"),
    ],
)
def test_what_is_known_of_an_operation_follows_from_all_its_attempts(
    outcomes: list[Outcome], expected: Outcome
) -> None:
    attempts = [an_attempt("sale", outcome=each, done=(each == "ok",)) for each in outcomes]

    assert ends_of(attempts) == [expected]


def test_an_answer_may_keep_one_effect_and_reject_another() -> None:
    attempt = an_attempt("kept", "rejected", outcome="ok", done=(True, False))

    assert ends_of([attempt]) == ["ok", "fail"]


def test_another_payload_under_the_key_is_no_part_of_the_operation() -> None:
    attempts = [an_attempt("sale", outcome="ok", done=(True,)), an_attempt("sale", "more", outcome="fail")]

    assert ends_of(attempts) == ["ok"]
