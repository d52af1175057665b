"""The checkers find fourteen platforms that are wrong, and nothing about one that is right."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.checkers.findings import Finding
from tests.faults.checkers.judge import idle, judged
from tests.faults.checkers.plants import PLANTS, unseen
from tests.faults.final import Final
from tests.faults.history import History
from tests.faults.model.bugs import Bug
from tests.faults.model.run import Model
from tests.faults.mutants import BREAKS, OPERATIONS, caught


@pytest.mark.parametrize("bug", Bug)
def test_a_bug_is_found_by_the_promise_that_it_breaks(bug: Bug) -> None:
    findings = judged(*Model(1, bug).run(OPERATIONS))

    assert BREAKS[bug] in {finding.promise for finding in findings}


@pytest.mark.parametrize("seed", range(3))
def test_a_platform_that_is_right_raises_no_alarm_however_often_it_dies(seed: int) -> None:
    history, final = Model(seed).run(OPERATIONS)

    assert judged(history, final) == []
    assert idle(history, final) == []
    assert len(history.struck) > 50


def test_checkers_that_find_nothing_are_not_believed() -> None:
    found = caught(1, lambda history, final: [])

    assert found.count == 0
    assert not found.may_be_believed


def test_checkers_that_always_find_something_are_not_believed() -> None:
    found = caught(
        1, lambda history, final: [Finding(each, "broken", "anything") for each in BREAKS.values()]
    )

    assert found.count == len(Bug)
    assert not found.may_be_believed


def test_every_planted_breach_is_found_in_a_run_that_was_right() -> None:
    history, final = Model(2).run(OPERATIONS)

    assert list(unseen(history, final)) == []


def test_a_checker_that_passes_over_a_breach_is_named() -> None:
    history, final = Model(2).run(OPERATIONS)
    blind = [replace(plant, checker=_finds_nothing) for plant in PLANTS]

    assert list(unseen(history, final, blind)) == [plant.what for plant in PLANTS]


def test_a_run_without_anything_is_told_apart_from_one_without_faults() -> None:
    missing = idle(History(), Final())

    assert {"acknowledged operations", "snapshots of the accounts", "faults"} <= set(missing)
    assert list(unseen(History(), Final()))


def _finds_nothing(history: History, final: Final) -> Iterator[Finding]:
    return iter(())
