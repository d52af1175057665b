"""What each principal may ask for in a minute."""

import pytest

from libs.common.caller import Principal
from services.gateway.admission import budget
from services.gateway.admission.budget import Budgets
from services.gateway.admission.limits import RateLimited

ANN, BOB = (Principal(name, "staff", "music_store") for name in ("ann", "bob"))


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def budgets(per_minute: int, clock: Clock) -> Budgets:
    return Budgets(per_minute, clock)


def test_a_minutes_worth_may_be_spent_at_once_and_no_more() -> None:
    spending = budgets(60, Clock())
    spending.spend(ANN, 60)

    with pytest.raises(RateLimited) as refusal:
        spending.spend(ANN, 1)

    assert refusal.value.seconds == 1


def test_a_budget_fills_again_as_time_passes_and_never_above_a_minutes_worth() -> None:
    clock = Clock()
    spending = budgets(60, clock)
    spending.spend(ANN, 60)

    clock.now += 30
    spending.spend(ANN, 30)
    with pytest.raises(RateLimited):
        spending.spend(ANN, 1)

    clock.now += 3_600
    spending.spend(ANN, 60)
    with pytest.raises(RateLimited):
        spending.spend(ANN, 1)


def test_a_refusal_says_when_there_is_enough_and_takes_nothing() -> None:
    clock = Clock()
    spending = budgets(60, clock)
    spending.spend(ANN, 50)

    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            spending.spend(ANN, 40)
    clock.now += refusal.value.seconds

    assert refusal.value.seconds == 30
    spending.spend(ANN, 40)


@pytest.mark.parametrize(
    "other",
    [BOB, Principal("ann", "member", "music_store"), Principal("ann", "staff", "another")],
    ids=["subject", "kind", "program"],
)
def test_principals_have_budgets_of_their_own(other: Principal) -> None:
    spending = budgets(60, Clock())
    spending.spend(ANN, 60)

    spending.spend(other, 60)


def test_what_costs_more_than_a_minutes_worth_can_be_had_with_a_full_budget() -> None:
    spending = budgets(60, Clock())

    spending.spend(ANN, 1_000)

    with pytest.raises(RateLimited):
        spending.spend(ANN, 1)


def test_who_has_not_asked_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "PRINCIPALS_KEPT", 2)
    spending = budgets(60, Clock())
    for principal in (ANN, BOB, Principal("eve", "staff", "music_store")):
        spending.spend(principal, 60)

    spending.spend(ANN, 60)

    with pytest.raises(RateLimited):
        spending.spend(Principal("eve", "staff", "music_store"), 1)
