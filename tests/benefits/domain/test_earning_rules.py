"""Earning rules: what each gives, or why it gives nothing; what is multiplied; what caps of a day leave."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.program import Program, preset
from services.benefits.domain.earning import Earning, earned_with, earnings
from services.benefits.domain.earning_caps import Earned, Used
from services.benefits.domain.earning_previews import Earner, PossibleEvent, preview
from tests.benefits.domain.earning_cases import Rule, earning_program, for_event
from tests.support.builders import NOON

OFFLINE = {"channel": "offline"}
BY_AMOUNT: Rule = {"key": "spend"}
OFFLINE_BONUS = {
    "key": "offline",
    "kind": "bonus",
    "bp": 3_000,
    "condition": "attributes.channel == 'offline'",
}
OFFLINE_MULTIPLIER = {**OFFLINE_BONUS, "kind": "multiplier", "bp": 13_000}


def given(program: Program, kind: str = "purchase", amount_minor: int = 0, **known: Any) -> list[Earning]:
    """What an event gives a normal member at noon, where nothing else is said."""
    known = {"tier": "normal", "occurred_time": NOON, **known}
    return earnings(program, event_kind=kind, amount_minor=amount_minor, **known)


def told(earning: Earning) -> tuple[int, str, dict[str, str]]:
    return earning.points, earning.reason, dict(earning.params)


def short(value: int, threshold: int) -> dict[str, str]:
    told = {"value": value, "threshold": threshold, "missing": threshold - value}
    return {"currency": "USD"} | {name: str(number) for name, number in told.items()}


TABLE: dict[str, tuple[Rule, dict[str, Any], tuple[int, str, dict[str, str]]]] = {
    "by amount": (BY_AMOUNT, {"amount_minor": 999}, (9, "", {})),
    "an amount of nothing": (BY_AMOUNT, {}, (0, "EARNING_ZERO_AMOUNT", {})),
    "below a unit": (BY_AMOUNT, {"amount_minor": 99}, (0, "EARNING_BELOW_UNIT", short(99, 100))),
    "below the minimum": (
        {"min_amount_minor": 5_000},
        {"amount_minor": 4_999},
        (0, "EARNING_BELOW_MINIMUM", short(4_999, 5_000)),
    ),
    "at the minimum": ({"min_amount_minor": 5_000}, {"amount_minor": 5_000}, (50, "", {})),
    "for the purchase itself": (for_event("purchase", 30), {"amount_minor": 1}, (30, "", {})),
    "for a purchase of nothing": (for_event("purchase", 30), {}, (0, "EARNING_ZERO_AMOUNT", {})),
    "a check-in": (for_event("check_in", 5), {"kind": "check_in"}, (5, "", {})),
    "a check-in at a tier": (for_event("check_in", 5), {"kind": "check_in", "tier": "gold"}, (10, "", {})),
    "not multiplied": (
        for_event("check_in", 5, multiplied=False),
        {"kind": "check_in", "tier": "gold"},
        (5, "", {}),
    ),
    "a registration": (for_event("registration", 100), {"kind": "registration", "tier": ""}, (100, "", {})),
    "a condition that is met": (
        for_event("share", 7, condition="attributes.channel == 'offline' && store == 'pearl'"),
        {"kind": "share", "attributes": OFFLINE, "store_id": "pearl"},
        (7, "", {}),
    ),
    "a condition that is not met": (
        for_event("share", 7, condition="source == 'app'"),
        {"kind": "share", "source": "shop"},
        (0, "EARNING_CONDITION_NOT_MET", {}),
    ),
    "a condition without an answer": (
        for_event("share", 7, condition="attributes.channel == 'offline'"),
        {"kind": "share"},
        (0, "EARNING_CONDITION_FAILED", {"problem": 'NOT_FOUND: Key not found in map : "channel"'}),
    ),
    "a condition on what the member did before": (
        for_event("share", 7, condition="member.orders >= 3 && member.spend > 0"),
        {"kind": "share", "metrics": {"orders": 3, "spend": 1}},
        (7, "", {}),
    ),
    "a condition on another tier set": (
        for_event("share", 7, condition="tiers.season == 'gold'"),
        {"kind": "share", "tiers": {"main": "normal", "season": "gold"}},
        (7, "", {}),
    ),
    "a condition on a date, without a time": (
        for_event("share", 7, condition="date == '1998-03-02'"),
        {"kind": "share", "occurred_time": None},
        (
            0,
            "EARNING_CONDITION_FAILED",
            {"problem": 'UNKNOWN: No value with name "date" found in Activation'},
        ),
    ),
    "less than a point": (
        {"unit_minor": 100, "points_per_unit": 1},
        {"amount_minor": 100, "tier": "silver"},
        (0, "EARNING_MULTIPLIED_TO_NOTHING", {"multiplier_bp": "9999"}),
    ),
    "as often as a day allows": (
        for_event("check_in", 5, per_day={"times": 2}),
        {"kind": "check_in", "earned": {"check_in": Used(2, 10)}},
        (0, "EARNING_CAP_TIMES", {"cap": "check_in", "limit": "2"}),
    ),
    "the last time of a day": (
        for_event("check_in", 5, per_day={"times": 2}),
        {"kind": "check_in", "earned": {"check_in": Used(1, 5)}},
        (5, "", {}),
    ),
    "as many points as a day allows": (
        for_event("share", 7, per_day={"points": 21}),
        {"kind": "share", "earned": {"share": Used(3, 21)}},
        (0, "EARNING_CAP_POINTS", {"cap": "share", "limit": "21", "counted": "7"}),
    ),
    "the rest of a day's points": (
        for_event("share", 7, per_day={"points": 20}),
        {"kind": "share", "earned": {"share": Used(2, 14)}},
        (6, "EARNING_UP_TO_CAP", {"cap": "share", "limit": "20", "counted": "7"}),
    ),
    "less room than is used": (
        for_event("share", 7, per_day={"points": 20}),
        {"kind": "share", "earned": {"share": Used(9, 63)}},
        (0, "EARNING_CAP_POINTS", {"cap": "share", "limit": "20", "counted": "7"}),
    ),
}


@pytest.mark.parametrize(("rule", "known", "expected"), TABLE.values(), ids=TABLE.keys())
def test_a_rule_gives_points_or_says_why_not(
    rule: Rule, known: dict[str, Any], expected: tuple[int, str, dict[str, str]]
) -> None:
    program = earning_program(rule, tiers={"silver": 9_999})

    (earning,) = given(program, **known)

    assert told(earning) == expected


def test_rules_for_other_events_are_told_of_in_previews_only() -> None:
    program = earning_program(BY_AMOUNT, for_event("check_in", 5))

    told_of = preview(program, PossibleEvent("ann", "check_in"), NOON, Earner("normal", {}, {}, {}))

    assert [told(each)[:2] for each in told_of.rules] == [(0, "EARNING_OTHER_KIND"), (5, "")]
    assert dict(told_of.rules[0].params) == {"kind": "check_in", "wanted": "purchase"}
    assert [each.rule for each in given(program, "check_in")] == ["check_in"]


# Offline, a purchase worth 100 points: the three documented results for silver, which doubles.
@pytest.mark.parametrize(
    ("multiplier", "stacking", "at_silver"),
    [
        (OFFLINE_MULTIPLIER, "max", 200),
        (OFFLINE_MULTIPLIER, "sum", 230),
        (OFFLINE_MULTIPLIER, "product", 260),
        (OFFLINE_BONUS, "max", 230),
        (OFFLINE_BONUS, "sum", 230),
        (OFFLINE_BONUS, "product", 260),
    ],
)
def test_offline_spend_of_a_hundred_points_gives_130_and_at_silver_what_the_stacking_says(
    multiplier: dict[str, Any], stacking: str, at_silver: int
) -> None:
    program = earning_program(BY_AMOUNT, multipliers=[multiplier], stacking=stacking)

    points = {
        (tier, channel): given(program, amount_minor=10_000, tier=tier, attributes={"channel": channel})[
            0
        ].points
        for tier in ("normal", "silver")
        for channel in ("online", "offline")
    }

    assert points == {
        ("normal", "online"): 100,
        ("normal", "offline"): 130,
        ("silver", "online"): 200,
        ("silver", "offline"): at_silver,
    }


def test_by_default_the_highest_multiplier_counts_and_bonuses_are_added_up_to_the_cap() -> None:
    double_day = {"key": "double_day", "kind": "multiplier", "bp": 30_000, "condition": "day == 2"}
    frequent = {"key": "frequent", "kind": "bonus", "bp": 1_000, "condition": "member.orders >= 10"}
    program = earning_program(
        BY_AMOUNT, multipliers=[OFFLINE_BONUS, double_day, frequent], multiplier_max_bp=33_500
    )
    known: dict[str, Any] = {"amount_minor": 10_000, "tier": "silver", "metrics": {"orders": 10}}

    (both,) = given(program, attributes={"channel": "online"}, **known)
    (all_of_them,) = given(program, attributes=OFFLINE, **known)

    assert (both.points, both.multiplier_bp) == (310, 31_000)
    assert [each.key for each in both.factors] == ["tier", "double_day", "frequent"]
    assert (all_of_them.points, all_of_them.multiplier_bp) == (335, 33_500), "34000 without the cap"


def test_a_multiplier_that_does_not_hold_says_why_in_a_preview() -> None:
    program = earning_program(BY_AMOUNT, multipliers=[OFFLINE_BONUS])
    before = Earner("silver", {"main": "silver"}, {}, {})

    reasons = [
        [
            each.reason
            for each in preview(
                program, PossibleEvent("ann", "purchase", 100, attributes=a), NOON, before
            ).multipliers
        ]
        for a in ({}, {"channel": "online"}, OFFLINE)
    ]

    assert reasons == [["", "EARNING_CONDITION_FAILED"], ["", "EARNING_CONDITION_NOT_MET"], ["", ""]]


def test_a_product_is_not_rounded_before_the_points_are() -> None:
    thirds = [{"key": f"m{each}", "kind": "multiplier", "bp": 10_001} for each in range(3)]
    program = earning_program(BY_AMOUNT, multipliers=thirds, stacking="product")

    (earning,) = given(program, amount_minor=1_000_000_000_000)

    assert earning.points == 10_003_000_300
    assert earning.multiplier_bp == 10_003, "shown as a whole basis point, which alone would give 300 less"


@pytest.mark.parametrize(
    ("amount_minor", "floored", "nearest"), [(100, 1, 2), (300, 4, 5), (200, 3, 3)], ids=["1.5", "4.5", "3"]
)
def test_half_a_point_counts_as_the_program_rounds(amount_minor: int, floored: int, nearest: int) -> None:
    points = [
        given(earning_program(BY_AMOUNT, tiers={"normal": 15_000}, rounding=each), amount_minor=amount_minor)[
            0
        ]
        for each in ("floor", "half_up")
    ]

    assert [each.points for each in points] == [floored, nearest]


def basket(program: Program, *events: tuple[str, int], earned: Earned | None = None) -> list[list[int]]:
    """What events of one day give one after another."""
    day: Earned = earned or {}
    gave = []
    for kind, amount_minor in events:
        earning = given(program, kind, amount_minor, earned=day)
        day = earned_with(program, day, earning)
        gave.append([each.points for each in earning])
    return gave


def test_a_cap_that_rules_share_is_taken_in_the_order_of_events_and_of_rules() -> None:
    program = earning_program(
        BY_AMOUNT,
        for_event("purchase", 30, key="visit"),
        for_event("share", 7),
        caps=[{"key": "day", "rules": ["visit", "share"], "per_day": {"points": 40}}],
    )

    gave = basket(program, ("share", 0), ("purchase", 1_000), ("share", 0), ("purchase", 1_000))

    assert gave == [[7], [10, 30], [3], [10, 0]]


def test_a_cap_of_all_rules_counts_what_each_gave() -> None:
    program = earning_program(
        for_event("share", 7), for_event("review", 20), caps=[{"key": "day", "per_day": {"times": 3}}]
    )

    gave = basket(program, ("share", 0), ("review", 0), ("login", 0), ("share", 0), ("review", 0))

    assert gave == [[7], [20], [], [7], [0]]


def test_what_gave_nothing_is_no_time() -> None:
    program = earning_program({**BY_AMOUNT, "per_day": {"times": 1}})

    gave = basket(program, ("purchase", 99), ("purchase", 0), ("purchase", 500), ("purchase", 500))

    assert gave == [[0], [0], [5], [0]]


def test_rules_without_caps_are_not_counted() -> None:
    program = earning_program(BY_AMOUNT, for_event("share", 7, per_day={"times": 1}))

    earned = earned_with(program, {}, [*given(program, amount_minor=500), *given(program, "share")])

    assert earned == {"share": Used(1, 7)}


@pytest.mark.parametrize(
    ("hour_utc", "minute", "date", "hour"),
    [(15, 59, "2026-11-10", 23), (16, 0, "2026-11-11", 0)],
    ids=["before midnight in Shanghai", "midnight in Shanghai"],
)
def test_conditions_read_the_date_where_the_program_does_business(
    hour_utc: int, minute: int, date: str, hour: int
) -> None:
    program = earning_program(for_event("share", 7, condition=f"date == '{date}' && hour == {hour}"))

    (earning,) = given(program, "share", occurred_time=datetime(2026, 11, 10, hour_utc, minute, tzinfo=UTC))

    assert earning.points == 7


def test_what_is_stored_of_a_plain_earning_is_what_was_stored_before_there_were_others() -> None:
    (earning,) = given(earning_program(BY_AMOUNT), amount_minor=1_000, tier="silver")

    assert earning.content() == {
        "rule": "spend",
        "amount_minor": 1_000,
        "unit_minor": 100,
        "points_per_unit": 1,
        "multiplier_bp": 20_000,
        "tier": "silver",
        "points": 20,
    }


# Of ecommerce_points: the event, what is known of the member, and what each rule gives.
SHOP: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "100 yuan": ({"amount_minor": 10_000}, {"purchase": 100}),
    "100 yuan at silver": ({"amount_minor": 10_000, "tier": "silver"}, {"purchase": 200}),
    "100 yuan in a store": ({"amount_minor": 10_000, "attributes": OFFLINE}, {"purchase": 130}),
    "100 yuan in a store at silver": (
        {"amount_minor": 10_000, "attributes": OFFLINE, "tier": "silver"},
        {"purchase": 230},
    ),
    "the eleventh order": ({"amount_minor": 10_000, "metrics": {"orders": 10}}, {"purchase": 105}),
    "the thirty-first order": ({"amount_minor": 10_000, "metrics": {"orders": 30}}, {"purchase": 110}),
    "joining": ({"kind": "registration", "tier": ""}, {"registration": 100}),
    "a check-in": ({"kind": "check_in"}, {"check_in": 5}),
    "a second check-in": ({"kind": "check_in", "earned": {"check_in": Used(1, 5)}}, {"check_in": 0}),
    "a review at gold": ({"kind": "review", "tier": "gold"}, {"review": 40}),
    "a review after much sharing": (
        {"kind": "review", "earned": {"share": Used(3, 30), "interaction": Used(10, 10)}},
        {"review": 20},
    ),
    "sharing after reviews at gold": (
        {"kind": "share", "tier": "gold", "earned": {"review": Used(1, 40)}},
        {"share": 20},
    ),
    "more than being social gives": ({"kind": "share", "earned": {"review": Used(3, 60)}}, {"share": 0}),
    "a friend": ({"kind": "invite", "tier": "gold"}, {"invite": 200}),
    "an event": (
        {"kind": "custom", "attributes": {"action": "event_join"}},
        {"event_join": 50, "offline_scan": 0},
    ),
    "a scan": (
        {"kind": "custom", "attributes": {"action": "offline_scan"}, "store_id": "pearl"},
        {"event_join": 0, "offline_scan": 10},
    ),
    "something else": ({"kind": "custom"}, {"event_join": 0, "offline_scan": 0}),
}


@pytest.mark.parametrize(("known", "points"), SHOP.values(), ids=SHOP.keys())
def test_the_shop_programme_rewards_taking_part(known: dict[str, Any], points: dict[str, int]) -> None:
    earned = given(preset("ecommerce_points"), **known)

    assert {each.rule: each.points for each in earned} == points
    assert all(each.points or each.reason for each in earned)


def test_the_shop_programme_that_rewards_taking_part_has_the_tiers_of_the_other() -> None:
    assert preset("ecommerce_points").tier_sets == preset("ecommerce_five").tier_sets
