"""The programs that are shipped, decided: who reaches which tier, at each threshold and just below."""

from dataclasses import replace
from typing import Any

import pytest

from libs.common.program import preset
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.tiers import Standing, Step, decide
from tests.scoring.builders import NOON, ladder_of

SPEND, INVITES, CHECK_INS = (
    f"{kind}.lifetime" for kind in ("purchase.amount_minor", "invite.count", "check_in.count")
)
SPEND_YEAR, ORDERS_YEAR = "purchase.amount_minor.365d", "purchase.count.365d"
INTERACTIONS_YEAR, REVIEWS_YEAR, CHECK_INS_YEAR = (
    f"{kind}.count.365d" for kind in ("interaction", "review", "check_in")
)
REACHED: list[tuple[str, dict[str, int], str]] = [
    ("ecommerce_five", {SPEND: 99_999, INVITES: 2}, "normal"),
    ("ecommerce_five", {SPEND: 100_000}, "silver"),
    ("ecommerce_five", {INVITES: 3}, "silver"),
    ("ecommerce_five", {INVITES: 100}, "diamond"),
    ("ecommerce_five", {SPEND: 3_000_000}, "diamond"),
    ("ecommerce_four", {SPEND: 499_999}, "silver"),
    ("ecommerce_four", {SPEND: 250_000, CHECK_INS: 90, "review.count.lifetime": 15}, "gold"),
    ("ecommerce_four", {SPEND: 250_000, CHECK_INS: 90, "review.count.lifetime": 14}, "silver"),
    ("ecommerce_platinum_four", {CHECK_INS: 36}, "platinum"),
    ("ecommerce_platinum_four", {INVITES: 29}, "gold"),
    ("ecommerce_annual_value", {SPEND_YEAR: 49_999}, "basic"),
    ("ecommerce_annual_value", {SPEND_YEAR: 50_000}, "active"),
    ("ecommerce_annual_value", {SPEND_YEAR: 500_000, ORDERS_YEAR: 2}, "active"),
    ("ecommerce_annual_value", {SPEND_YEAR: 500_001, ORDERS_YEAR: 1}, "active"),
    ("ecommerce_annual_value", {SPEND_YEAR: 500_001, ORDERS_YEAR: 2}, "high"),
    ("ecommerce_annual_value", {SPEND_YEAR: 2_000_000, ORDERS_YEAR: 2}, "high"),
    ("ecommerce_annual_value", {SPEND_YEAR: 2_000_000, ORDERS_YEAR: 2, REVIEWS_YEAR: 1}, "vip"),
    ("ecommerce_annual_value", {SPEND_YEAR: 2_000_000, ORDERS_YEAR: 2, INTERACTIONS_YEAR: 1}, "vip"),
    ("airline_three", {SPEND_YEAR: 1_999_999}, "silver"),
    ("airline_three", {SPEND_YEAR: 2_000_000}, "gold"),
    ("airline_three", {SPEND_YEAR: 6_000_000}, "diamond"),
    ("gym_four", {CHECK_INS_YEAR: 144}, "platinum"),
    ("gym_four", {CHECK_INS_YEAR: 71, SPEND_YEAR: 499_999}, "silver"),
    ("sports_four", {SPEND: 1_000_000}, "platinum"),
    ("generic_four_value", {SPEND: 10**12}, "diamond"),
    ("generic_platinum_four", {SPEND: 500_000}, "gold"),
    ("music_store", {SPEND: 24_999}, "silver"),
    ("dating_annual", {SPEND: 10**12}, "normal"),
    ("dating_service", {SPEND: 10**12}, "basic"),
    ("dating_rfm_quota", {"score.rfm": 25_999}, "silver"),
    ("dating_rfm_quota", {"score.rfm": 26_000}, "gold"),
    ("dating_rfm_quota", {"score.rfm": 38_000}, "diamond"),
    ("xiaohongshu_four", {"score.composite": 2_999}, "basic"),
    ("xiaohongshu_four", {"score.composite": 3_000}, "potential"),
    ("xiaohongshu_four", {"score.composite": 10_000}, "core"),
    ("generic_stage_four", {"score.stage.introduction": 1}, "junior"),
    ("generic_stage_four", {"score.stage.growth": 1}, "middle"),
    ("generic_stage_four", {"score.stage.mature": 1}, "senior"),
    ("generic_stage_four", {"score.stage.loyal": 1}, "vip"),
]


def named(case: Any) -> str:
    return (
        " ".join(f"{name}={value}" for name, value in case.items()) if isinstance(case, dict) else str(case)
    )


@pytest.mark.parametrize(("name", "facts", "tier"), REACHED, ids=named)
def test_who_reaches_which_tier(name: str, facts: dict[str, int], tier: str) -> None:
    # Totals of scores are given, and not worked out.
    ladder = replace(ladder_of(preset(name)), cards=())

    receipt = decide(ladder, Standing(), Step(RunCause("run"), NOON, facts))

    assert receipt.to_tier == tier
