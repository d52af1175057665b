"""Limits of redeeming, and what is offered towards an amount."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refusal
from libs.common.redemption_policy import Redemption
from services.benefits.domain.redemption_limits import Redeemed, offer, require_within
from services.benefits.domain.value import Worth

POLICY = Redemption(value_minor=10, points=3, min_points=5, daily_cap_minor=1_000, per_day_max=2)


def test_what_is_within_all_limits_is_let_through() -> None:
    require_within(POLICY, 5, 400, Redeemed(money_minor=600, count=1))


@pytest.mark.parametrize(
    ("points", "money", "before", "reason"),
    [
        (4, 10, Redeemed(), "REDEMPTION_TOO_SMALL"),
        (5, 10, Redeemed(count=2), "REDEMPTIONS_TOO_FREQUENT"),
        (5, 401, Redeemed(money_minor=600), "REDEMPTION_CAP_REACHED"),
        (5, 1, Redeemed(money_minor=3_000), "REDEMPTION_CAP_REACHED"),
    ],
    ids=["too few points", "too often", "above the cap", "after a smaller cap"],
)
def test_what_is_not_is_refused(points: int, money: int, before: Redeemed, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        require_within(POLICY, points, money, before)

    assert refused.value.reason == reason


def test_an_offer_takes_the_fewest_points_that_are_worth_the_most() -> None:
    found = offer(Worth(POLICY), 505, available=1_000, before=Redeemed())

    assert (found.points, found.money_minor, found.reasons) == (151, 503, ())


@pytest.mark.parametrize(
    ("amount", "available", "before", "offered", "reasons"),
    [
        (100, 30, Redeemed(), 30, []),
        (100, 29, Redeemed(), 29, ["POINTS_INSUFFICIENT"]),
        (100, 0, Redeemed(), 0, ["POINTS_INSUFFICIENT"]),
        (100, 4, Redeemed(), 0, ["POINTS_INSUFFICIENT"]),
        (10, 90, Redeemed(), 0, ["REDEMPTION_TOO_SMALL"]),
        (100, 90, Redeemed(count=2), 0, ["REDEMPTIONS_TOO_FREQUENT"]),
        (100, 90, Redeemed(money_minor=950), 15, ["REDEMPTION_CAP_REACHED"]),
        (100, 90, Redeemed(money_minor=2_000), 0, ["REDEMPTION_CAP_REACHED"]),
    ],
    ids=[
        "all of it",
        "one point short",
        "no points",
        "too few to redeem any",
        "too small a basket",
        "too often",
        "what is left of the cap",
        "nothing left of the cap",
    ],
)
def test_an_offer_says_why_it_is_not_the_whole_amount(
    amount: int, available: int, before: Redeemed, offered: int, reasons: list[str]
) -> None:
    found = offer(Worth(POLICY), amount, available=available, before=before)

    assert (found.points, [each.reason for each in found.reasons]) == (offered, reasons)


@given(
    policy=st.builds(
        Redemption,
        value_minor=st.integers(1, 50),
        points=st.integers(1, 50),
        min_points=st.integers(1, 30),
        daily_cap_minor=st.integers(0, 2_000),
        per_day_max=st.integers(1, 3),
    ),
    amount=st.integers(0, 3_000),
    available=st.integers(0, 500),
    before=st.builds(Redeemed, st.integers(0, 2_500), st.integers(0, 3)),
)
def test_what_is_offered_may_be_had_and_one_point_more_is_no_better(
    policy: Redemption, amount: int, available: int, before: Redeemed
) -> None:
    found = offer(Worth(policy), amount, available=available, before=before)

    assert 0 <= found.points <= available
    assert found.money_minor == policy.worth_minor(found.points) <= amount
    if found.points:
        require_within(policy, found.points, found.money_minor, before)
        assert policy.worth_minor(found.points - 1) < found.money_minor
    else:
        assert found.reasons or not policy.points_towards(amount)


@pytest.mark.parametrize(
    "fields",
    [{"value_minor": 0}, {"points": 0}, {"min_points": 0}, {"daily_cap_minor": -1}, {"per_day_max": 0}],
    ids=str,
)
def test_a_policy_without_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        Redemption(**fields)
