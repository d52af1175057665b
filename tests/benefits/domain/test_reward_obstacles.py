"""Obstacles: each reason why a member may not have a reward, at its edge, and all of them at once."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refusal
from libs.common.program import Program
from services.benefits.domain.coupons import Campaign
from services.benefits.domain.errors import RewardUnavailable
from services.benefits.domain.redemption_limits import Redeemed, require_within
from services.benefits.domain.reward_obstacles import Obstacle, ObstacleCode, obstacles, require_none
from services.benefits.domain.reward_texts import obstacle_text
from services.benefits.domain.reward_windows import Hours, Window
from services.benefits.domain.rewards import Limits
from tests.benefits.domain.coupon_builders import a_campaign
from tests.benefits.domain.reward_builders import STORE, a_program, a_reward, a_standing
from tests.support.builders import DAY, NOON

TODAY = date(1998, 3, 2)
FORTNIGHT = {TODAY - timedelta(days=ago): 1 for ago in range(14)}
GOLD = {"tier_set": "main", "tier": "gold"}


def found(
    reward: dict[str, Any],
    standing: dict[str, Any],
    redemption: dict[str, int],
    campaign: Campaign | None = None,
) -> list[Obstacle]:
    """What stands against a reward of these terms for such a member."""
    return obstacles(a_reward(**reward), a_standing(**standing), a_program(**redemption), NOON, campaign)


def capped(limit: str, most: int, **params: str) -> Obstacle:
    return Obstacle(ObstacleCode.REWARD_CAP_REACHED, {"limit": limit, "max": str(most), **params})


@pytest.mark.parametrize(
    ("reward", "standing", "redemption"),
    [
        pytest.param({}, {}, {}, id="enough points"),
        pytest.param({"stocked": 3, "taken": 2}, {}, {}, id="the last one"),
        pytest.param({"limits": Limits(total_max=3), "taken": 2}, {}, {}, id="the last within the limit"),
        pytest.param(GOLD, {"tiers": {"main": "gold"}}, {}, id="the tier asked for"),
        pytest.param(GOLD, {"tiers": {"main": "diamond"}}, {}, id="a higher tier"),
        pytest.param({"spend_min_minor": 700}, {"spend_minor": 700}, {}, id="spent just enough"),
        pytest.param({"window": Window(NOON, NOON + DAY)}, {}, {}, id="in its first moment"),
        pytest.param(
            {"limits": Limits(member_max=15, member_day_max=2, member_period_max=8, period_days=7)},
            {"given": {"coffee": FORTNIGHT}},
            {},
            id="one more within each limit",
        ),
        pytest.param(
            {"limits": Limits(member_period_max=7, period_days=7)},
            {"given": {"coffee": {TODAY - timedelta(days=7): 7}}},
            {},
            id="what is older than the days of the limit",
        ),
        pytest.param({}, {"given": {"tea": {TODAY: 9}}}, {}, id="another reward"),
        pytest.param(
            {}, {"redeemed": Redeemed(499_500, 99)}, {"daily_cap_minor": 500_000}, id="up to the day's cap"
        ),
        pytest.param({}, {}, {"min_points": 100}, id="the fewest points of a redemption"),
    ],
)
def test_nothing_stands_against_it(
    reward: dict[str, Any], standing: dict[str, Any], redemption: dict[str, int]
) -> None:
    assert found(reward, standing, redemption) == []


@pytest.mark.parametrize(
    ("reward", "standing", "redemption", "obstacle"),
    [
        ({"archived": True}, {}, {}, Obstacle(ObstacleCode.ARCHIVED)),
        ({"stocked": 3, "taken": 3}, {}, {}, Obstacle(ObstacleCode.OUT_OF_STOCK)),
        ({"stocked": 0}, {}, {}, Obstacle(ObstacleCode.OUT_OF_STOCK)),
        ({"limits": Limits(total_max=3), "taken": 3}, {}, {}, capped("total", 3)),
        ({"limits": Limits(member_max=14)}, {"given": {"coffee": FORTNIGHT}}, {}, capped("member", 14)),
        ({"limits": Limits(member_day_max=1)}, {"given": {"coffee": FORTNIGHT}}, {}, capped("member_day", 1)),
        (
            {"limits": Limits(member_period_max=7, period_days=7)},
            {"given": {"coffee": FORTNIGHT}},
            {},
            capped("member_period", 7, days="7"),
        ),
        (
            GOLD,
            {"tiers": {"main": "silver"}},
            {},
            Obstacle(ObstacleCode.TIER_TOO_LOW, {**GOLD, "held_tier": "silver"}),
        ),
        (GOLD, {}, {}, Obstacle(ObstacleCode.TIER_TOO_LOW, {**GOLD, "held_tier": ""})),
        (
            {"spend_min_minor": 700},
            {"spend_minor": 699},
            {},
            Obstacle(ObstacleCode.SPEND_TOO_LOW, {"missing_minor": "1", "currency": "USD"}),
        ),
        (
            {"window": Window(hours=(Hours(13 * 60, 15 * 60),))},
            {},
            {},
            Obstacle(ObstacleCode.OUTSIDE_WINDOW, {"next_opening_time": "1998-03-02T18:00:00+00:00"}),
        ),
        ({"window": Window(until_time=NOON)}, {}, {}, Obstacle(ObstacleCode.OUTSIDE_WINDOW)),
        (
            {},
            {"available_points": 99},
            {},
            Obstacle(ObstacleCode.POINTS_MISSING, {"missing_points": "1"}),
        ),
        (
            {"value_minor": 2_00},
            {"redeemed": Redeemed(money_minor=4_999_00)},
            {"daily_cap_minor": 5_000_00},
            Obstacle(
                ObstacleCode.DAILY_CAP,
                {"cap_minor": "500000", "left_minor": "100", "money_minor": "200", "currency": "USD"},
            ),
        ),
        (
            {},
            {"redeemed": Redeemed(count=3)},
            {"per_day_max": 3},
            Obstacle(ObstacleCode.TOO_FREQUENT, {"per_day_max": "3", "currency": "USD"}),
        ),
        (
            {},
            {},
            {"min_points": 101},
            Obstacle(ObstacleCode.BELOW_MINIMUM, {"points": "100", "min_points": "101", "currency": "USD"}),
        ),
    ],
    ids=lambda each: str(each.code) if isinstance(each, Obstacle) else "",
)
def test_each_reason_is_told_alone_with_what_it_comes_to(
    reward: dict[str, Any], standing: dict[str, Any], redemption: dict[str, int], obstacle: Obstacle
) -> None:
    assert found(reward, standing, redemption) == [obstacle]


def everything_wrong() -> list[Obstacle]:
    reward = {
        "stocked": 3,
        "taken": 3,
        "archived": True,
        "spend_min_minor": 700,
        "window": Window(until_time=NOON),
        "limits": Limits(total_max=3, member_max=1, member_day_max=1, member_period_max=1, period_days=7),
        **GOLD,
    }
    standing = {
        "available_points": 0,
        "given": {"coffee": FORTNIGHT},
        "redeemed": Redeemed(money_minor=1, count=1),
    }
    stopped = a_campaign(paused=True)
    return found(reward, standing, {"min_points": 1_000, "per_day_max": 1, "daily_cap_minor": 0}, stopped)


def test_all_reasons_are_told_at_once() -> None:
    codes = [each.code for each in everything_wrong()]

    # Points that pay nothing stand in the place of the rules for those that do.
    assert set(codes) == set(ObstacleCode) - {ObstacleCode.POINTS_PAY_NOTHING}
    assert codes.count(ObstacleCode.REWARD_CAP_REACHED) == 4


def test_a_refusal_has_all_of_them_numbered() -> None:
    against = [Obstacle(ObstacleCode.OUT_OF_STOCK), capped("member", 2)]

    with pytest.raises(RewardUnavailable) as refused:
        require_none(against)

    assert refused.value.facts == {
        "obstacle_0_code": "OUT_OF_STOCK",
        "obstacle_1_code": "REWARD_CAP_REACHED",
        "obstacle_1_limit": "member",
        "obstacle_1_max": "2",
    }


def test_nothing_refuses_nothing() -> None:
    require_none([])


@pytest.mark.parametrize("obstacle", everything_wrong(), ids=lambda each: str(each.code))
def test_every_reason_has_a_whole_sentence_in_both_languages(obstacle: Obstacle) -> None:
    zh, en = (obstacle_text(obstacle, STORE, locale) for locale in ("zh", "en"))

    assert zh.endswith("。")
    assert en.endswith(".")
    assert "?" not in zh + en
    assert "{" not in zh + en


@pytest.mark.parametrize(
    ("obstacle", "zh", "en"),
    [
        (
            Obstacle(ObstacleCode.TIER_TOO_LOW, GOLD),
            "金卡会员及以上会员可以兑换。",
            "It is for Gold and above.",
        ),
        (
            Obstacle(ObstacleCode.POINTS_MISSING, {"missing_points": "1200"}),
            f"还差1,200{STORE.points.name.zh}。",
            "Points missing: 1,200.",
        ),
        (
            Obstacle(ObstacleCode.OUTSIDE_WINDOW, {"next_opening_time": "1998-03-02T18:00:00+00:00"}),
            "现在不可兑换，1998年3月2日 13:00:00起可以兑换。",
            "It cannot be redeemed now; it can from Mar 2, 1998, 1:00:00 PM on.",
        ),
    ],
)
def test_texts_speak_of_the_program_in_its_own_time(obstacle: Obstacle, zh: str, en: str) -> None:
    told = [obstacle_text(obstacle, STORE, "zh"), obstacle_text(obstacle, STORE, "en")]

    assert [each.replace("\u202f", " ") for each in told] == [zh, en]


def test_what_is_paid_with_another_type_asks_for_the_balance_of_that_type() -> None:
    reward = a_reward(point_type="club", price_points=5)
    standing = a_standing(available_points=1_000, typed_points={"club": 4})
    document = STORE.document()
    club = {"key": "club", "name": {"zh": "俱乐部积分", "en": "Club points"}, "kind": "exclusive"}
    document["points"]["types"] = [{**club, "pays": {"value_minor": 1, "points": 1}}]
    paying = Program.parse(document)

    (missing,) = obstacles(reward, standing, paying, NOON)
    nothing = obstacles(reward, standing, STORE, NOON)

    assert missing.params == {"missing_points": "1", "point_type": "club"}
    assert obstacle_text(missing, paying, "en") == "Club points missing: 1."
    assert nothing[-1] == Obstacle(ObstacleCode.POINTS_PAY_NOTHING, {"point_type": "club"})


small = st.integers(0, 30)


@given(
    price=st.integers(1, 30),
    value=small,
    before=st.builds(Redeemed, small, small),
    rules=st.tuples(*[small] * 3),
)
def test_of_the_rules_for_every_redemption_those_are_told_for_which_it_would_be_refused(
    price: int, value: int, before: Redeemed, rules: tuple[int, int, int]
) -> None:
    least, times, cap = rules
    program = a_program(min_points=max(1, least), per_day_max=max(1, times), daily_cap_minor=cap)
    reward = a_reward(price_points=price, value_minor=value)

    against = obstacles(reward, a_standing(redeemed=before), program, NOON)

    try:
        require_within(program.points.redemption, price, value, before)
    except Refusal:
        assert against
    else:
        assert against == []
