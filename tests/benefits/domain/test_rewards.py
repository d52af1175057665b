"""Rewards: which terms a program takes, how they change, and how many are left."""

from dataclasses import replace
from typing import Any

import pytest

from services.benefits.domain.errors import RewardChanged, RewardInvalid, StockTooLow
from services.benefits.domain.reward_windows import Hours, Window
from services.benefits.domain.rewards import Limits, changed, created, restocked
from tests.benefits.domain.reward_builders import STORE, a_reward, terms
from tests.support.builders import DAY, NOON


@pytest.mark.parametrize(
    ("stocked", "total_max", "counted", "left"),
    [
        (None, None, False, None),
        (50, None, True, 47),
        (None, 10, True, 7),
        (50, 10, True, 7),
        (5, 10, True, 2),
    ],
)
def test_what_is_left_is_the_lesser_of_stock_and_limit(
    stocked: int | None, total_max: int | None, counted: bool, left: int | None
) -> None:
    reward = a_reward(stocked, taken=3, limits=Limits(total_max=total_max))

    assert (reward.counted, reward.left) == (counted, left)


def test_a_limit_below_what_is_taken_leaves_none() -> None:
    assert a_reward(50, taken=20, limits=Limits(total_max=10)).left == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tier_set": "other", "tier": "gold"}, "terms.tier_set"),
        ({"tier": "gold"}, "terms.tier_set"),
        ({"tier_set": "main", "tier": "bronze"}, "terms.tier"),
        ({"tier_set": "main"}, "terms.tier"),
        ({"window": Window(NOON, NOON)}, "terms.window"),
        ({"window": Window(hours=(Hours(600, 600),))}, "terms.window.hours"),
        ({"limits": Limits(member_period_max=3)}, "terms.limits"),
        ({"limits": Limits(period_days=7)}, "terms.limits"),
    ],
)
def test_terms_that_contradict_themselves_or_the_program_are_refused(
    wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(RewardInvalid) as refused:
        created(STORE, "coffee", terms(**wrong), None, NOON)

    assert set(refused.value.facts) == {field}


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = terms(tier_set="other", tier="x", window=Window(NOON, NOON), limits=Limits(period_days=7))

    with pytest.raises(RewardInvalid) as refused:
        created(STORE, "coffee", wrong, None, NOON)

    assert set(refused.value.facts) == {"terms.tier_set", "terms.window", "terms.limits"}


def test_other_terms_are_the_next_version() -> None:
    before = a_reward(50, taken=3)

    after = changed(before, 1, terms(price_points=200), STORE, archived=True, now=NOON + DAY)

    assert after == replace(
        before, version=2, terms=terms(price_points=200), archived=True, updated_time=NOON + DAY
    )


def test_a_version_that_is_not_the_latest_is_not_changed() -> None:
    with pytest.raises(RewardChanged) as refused:
        changed(a_reward(), 2, terms(), STORE, archived=False, now=NOON)

    assert refused.value.facts == {"version": 1}


def test_what_was_never_counted_cannot_be_bounded() -> None:
    bounded = terms(limits=Limits(total_max=10))

    with pytest.raises(RewardInvalid):
        changed(a_reward(), 1, bounded, STORE, archived=False, now=NOON)
    assert changed(a_reward(5), 1, bounded, STORE, archived=False, now=NOON).left == 5


@pytest.mark.parametrize(("added", "stocked"), [(10, 15), (-2, 3)])
def test_stock_is_added_and_taken_off(added: int, stocked: int) -> None:
    assert restocked(a_reward(5, taken=3), added, NOON).stocked == stocked


def test_what_is_taken_is_not_taken_off_the_stock() -> None:
    with pytest.raises(StockTooLow) as refused:
        restocked(a_reward(5, taken=3), -3, NOON)

    assert refused.value.facts == {"left": 2, "added": -3}


def test_what_has_no_stock_is_not_restocked() -> None:
    with pytest.raises(RewardInvalid):
        restocked(a_reward(limits=Limits(total_max=3)), 1, NOON)
