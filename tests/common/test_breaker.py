"""When a service is left alone, for how long, and who finds out whether it is back."""

from dataclasses import dataclass

import pytest

from libs.common.rpc.breaker import (
    CALLS_KEPT,
    FAILURES_MIN,
    OPEN_SECONDS,
    WINDOW_SECONDS,
    Breaker,
    LeftAlone,
)


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("risk", clock)


def calls(breaker: Breaker, count: int, *, failed: bool | None) -> None:
    for _ in range(count):
        breaker.ended(breaker.enter(), failed=failed)


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.ended(breaker.enter(), failed=None)
    except LeftAlone:
        return True
    return False


def test_some_failures_open_it_and_one_less_does_not(breaker: Breaker) -> None:
    calls(breaker, FAILURES_MIN - 1, failed=True)
    assert not is_open(breaker)

    calls(breaker, 1, failed=True)

    assert is_open(breaker)


def test_who_is_refused_hears_when_to_ask_again(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, FAILURES_MIN, failed=True)
    clock.now += OPEN_SECONDS / 4

    with pytest.raises(LeftAlone) as refusal:
        breaker.enter()

    assert refusal.value.reason == "UNAVAILABLE"
    assert refusal.value.retry_after_seconds == pytest.approx(0.75 * OPEN_SECONDS)


def test_failures_among_as_many_good_answers_open_nothing(breaker: Breaker) -> None:
    calls(breaker, 2 * FAILURES_MIN, failed=False)
    calls(breaker, 2 * FAILURES_MIN - 1, failed=True)
    assert not is_open(breaker)

    calls(breaker, 1, failed=True)

    assert is_open(breaker)


def test_what_failed_before_the_window_does_not_count(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, FAILURES_MIN - 1, failed=True)
    clock.now += WINDOW_SECONDS

    calls(breaker, FAILURES_MIN - 1, failed=True)

    assert not is_open(breaker)


def test_good_answers_of_long_ago_keep_nothing_closed(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, 100, failed=False)
    clock.now += WINDOW_SECONDS

    calls(breaker, FAILURES_MIN, failed=True)

    assert is_open(breaker)


def test_as_many_calls_are_looked_back_at_as_are_kept(breaker: Breaker) -> None:
    calls(breaker, 10 * CALLS_KEPT, failed=False)

    calls(breaker, CALLS_KEPT // 2, failed=True)

    assert is_open(breaker)
    assert len(breaker._calls) <= CALLS_KEPT


def test_calls_that_were_given_up_show_nothing(breaker: Breaker) -> None:
    calls(breaker, 100, failed=None)

    assert not is_open(breaker)


def test_after_its_time_one_call_is_let_through_and_a_good_answer_closes_it(
    breaker: Breaker, clock: Clock
) -> None:
    calls(breaker, FAILURES_MIN, failed=True)
    clock.now += OPEN_SECONDS

    probe = breaker.enter()
    assert is_open(breaker)
    breaker.ended(probe, failed=False)

    assert not is_open(breaker)
    calls(breaker, FAILURES_MIN - 1, failed=True)
    assert not is_open(breaker)


def test_a_probe_that_fails_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, FAILURES_MIN, failed=True)
    clock.now += OPEN_SECONDS

    breaker.ended(breaker.enter(), failed=True)

    assert is_open(breaker)
    clock.now += OPEN_SECONDS
    assert not is_open(breaker)


def test_a_probe_that_is_given_up_leaves_its_place_to_the_next(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, FAILURES_MIN, failed=True)
    clock.now += OPEN_SECONDS

    breaker.ended(breaker.enter(), failed=None)

    assert breaker.enter().probe


def test_calls_of_before_that_end_while_it_is_open_change_nothing(breaker: Breaker, clock: Clock) -> None:
    late = [breaker.enter() for _ in range(2)]
    calls(breaker, FAILURES_MIN, failed=True)

    breaker.ended(late[0], failed=False)
    assert is_open(breaker)
    clock.now += OPEN_SECONDS
    probe = breaker.enter()
    breaker.ended(late[1], failed=True)
    breaker.ended(probe, failed=False)

    assert not is_open(breaker)
