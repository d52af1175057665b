"""Occasions: which decisions are to be told, under which cause."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from libs.common.program import Program
from services.benefits.domain.notices import NoticeCode
from services.benefits.domain.occasions import (
    Activity,
    closable,
    items,
    points_expiring,
    tier_occasions,
    wake_up,
)
from tests.benefits.domain.notices import MEMBER, MORNING, a_decision, a_gap, a_program

SHOP = a_program()


def test_a_change_of_the_tier_is_told_under_its_decision() -> None:
    (occasion,) = tier_occasions(SHOP, [a_decision("dec_7", before="silver", after="gold")])

    assert (occasion.code, occasion.cause) == (NoticeCode.TIER_CHANGED, "dec_7")
    assert (occasion.params["from_tier"], occasion.params["tier"]) == ("silver", "gold")
    assert occasion.occurred_time == MORNING


def test_each_change_is_told_in_its_order() -> None:
    decisions = [
        a_decision("dec_1", before="normal", after="silver"),
        a_decision("dec_2"),
        a_decision("dec_3", before="silver", after="gold"),
    ]

    assert [occasion.cause for occasion in tier_occasions(SHOP, decisions)] == ["dec_1", "dec_3"]


@pytest.mark.parametrize(
    "decision",
    [a_decision(before="", after="normal"), a_decision()],
    ids=["the first tier", "the same tier"],
)
def test_who_joins_or_keeps_their_tier_is_told_nothing(decision: object) -> None:
    assert tier_occasions(SHOP, [decision]) == []  # type: ignore[list-item]


def test_without_decisions_there_is_nothing_to_tell() -> None:
    assert tier_occasions(SHOP, []) == []


def test_who_is_near_is_told_once_for_a_tier_and_year() -> None:
    near = [
        tier_occasions(SHOP, [a_decision(f"dec_{day}", near=True, at=MORNING + timedelta(days=day))])
        for day in (0, 1)
    ]

    assert [occasion.key for (occasion,) in near] == [(MEMBER, "", "NEAR_UPGRADE", "main/gold/2026")] * 2


def test_the_year_is_that_of_the_programs_time_zone() -> None:
    new_year_in_shanghai = datetime(2026, 12, 31, 16, tzinfo=UTC)

    (occasion,) = tier_occasions(SHOP, [a_decision(near=True, at=new_year_in_shanghai)])

    assert occasion.cause == "main/gold/2027"


@pytest.mark.parametrize(
    ("period", "review_time", "told"),
    [
        (None, None, "2026"),
        ({"kind": "month"}, None, "2026-11"),
        ({"kind": "quarter"}, None, "2026-Q4"),
        ({"kind": "year", "more": 1}, None, "2026"),
        ({"kind": "rolling", "months": 6}, datetime(2027, 3, 31, 16, tzinfo=UTC), "to 2027-04-01"),
        ({"kind": "rolling", "months": 6}, None, "2026"),
        ({"kind": "rolling", "months": 24}, datetime(2028, 1, 1, tzinfo=UTC), "2026"),
    ],
    ids=["none", "month", "quarter", "years", "rolling", "rolling, in the first tier", "longer than notices"],
)
def test_who_is_near_is_told_once_for_a_tier_and_period_of_its_tier_set(
    period: dict[str, object] | None, review_time: datetime | None, told: str
) -> None:
    movement = {} if period is None else {"downgrade": "period_end", "period": period}
    document = SHOP.document()
    document["tier_sets"][0]["movement"] = movement
    near = a_decision(near=True, at=datetime(2026, 11, 30, 12, tzinfo=UTC))
    tier = replace(near.decision.tier, review_time=review_time)

    (occasion,) = tier_occasions(
        Program.parse(document), [replace(near, decision=replace(near.decision, tier=tier))]
    )

    assert (occasion.cause, occasion.params["period"]) == (f"main/gold/{told}", told)


def test_who_was_near_in_between_and_is_no_longer_is_not_told_so() -> None:
    decisions = [a_decision("dec_1", near=True), a_decision("dec_2", before="silver", after="gold")]

    assert [each.code for each in tier_occasions(SHOP, decisions)] == [NoticeCode.TIER_CHANGED]


def test_the_gap_of_each_path_stands_among_the_parameters() -> None:
    gaps = (a_gap("any[0]"), a_gap("any[1]", "invites", 1))

    (occasion,) = tier_occasions(SHOP, [a_decision(near=True, gaps=gaps)])

    assert items(occasion.params, "gap") == [
        {"path": "any[0]", "metric": "spend", "missing": "20000", "currency": "CNY"},
        {"path": "any[1]", "metric": "invites", "missing": "1"},
    ]


@pytest.mark.parametrize(
    ("op", "value", "told"),
    [("<", 12, False), ("<=", 12, False), ("==", 12, False), ("==", 8, True), (">", 8, True)],
)
def test_a_path_that_more_would_not_close_is_left_out(op: str, value: int, told: bool) -> None:
    gaps = (a_gap("any[0]"), a_gap("any[1]", "invites", 2, op=op, value=value))

    (occasion,) = tier_occasions(SHOP, [a_decision(near=True, gaps=gaps)])

    assert [gap["metric"] for gap in items(occasion.params, "gap")] == ["spend", *["invites"] * told]


def test_an_alternative_with_such_a_part_is_left_out_whole() -> None:
    gaps = (
        a_gap("any[1].all[0]"),
        a_gap("any[1].all[1]", "logins", 2, op="<=", value=12),
        a_gap("any[1].all[2].any[0]", "orders", 1),
        a_gap("any[10].all[0]", "invites", 1),
    )

    assert [gap.metric for gap in closable(gaps)] == ["invites"]


def test_a_spell_of_absence_is_one_cause() -> None:
    activity = Activity("ecommerce_five", MEMBER, True, MORNING, spell=3, wake_up=True)

    occasion = wake_up(SHOP, activity)

    assert occasion.key == (MEMBER, "", "WAKE_UP", "3")
    assert occasion.params["days"] == "30"


def test_a_day_of_expiry_is_one_cause_for_each_number_of_days_ahead() -> None:
    told = [
        points_expiring(
            SHOP,
            f"{SHOP.key}/{MEMBER}/{SHOP.points.currency}",
            points=120,
            expires=date(2026, 12, 22),
            days=days,
            time=MORNING,
        )
        for days in (30, 7)
    ]

    assert [occasion.cause for occasion in told] == ["2026-12-22/30", "2026-12-22/7"]


def test_a_list_among_the_parameters_keeps_its_order_beyond_ten() -> None:
    gaps = tuple(a_gap(f"any[{place}]", missing=place + 1) for place in range(12))

    (occasion,) = tier_occasions(SHOP, [a_decision(near=True, gaps=gaps)])

    assert [int(gap["missing"]) for gap in items(occasion.params, "gap")] == list(range(1, 13))
