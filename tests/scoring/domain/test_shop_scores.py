"""The scores that the shop ships, worked out by hand: examples say points × weight of every dimension."""

from collections.abc import Mapping

import pytest

from libs.common.program import preset
from services.scoring.domain.cards import FACT_MISSING, cards_of
from services.scoring.domain.scores import score

CARDS = cards_of(preset("ecommerce_points"))

ACTIVITY = {
    "login.distinct_days.30d": 10,  # of 20: 50, half of it after 14 days: 25 x 0.25
    "login.days_since_last": 14,
    "view.count.30d": 100,  # all: 100 x 0.15
    "view.days_since_last": 0,
    "purchase.count.90d": 2,  # above 0 and 1 of 0, 1, 2, 4: 50, half of it after 60 days: 25 x 0.30
    "purchase.days_since_last": 60,
    "interaction.count.30d": 15,  # of 30: 50 x 0.10
    "review.count.90d": 5,  # all: 100 x 0.10
}
VCI = {
    "purchase.count.lifetime": 9,
    "purchase.count.365d": 7,  # above six of ten cuts: 60 x 0.40
    "purchase.amount_minor.365d": 126_000,  # 18,000 an order, above five of ten: 50 x 0.40
    "purchase.days_since_first": 365,  # of 730: 50, half of it after 180 days: 25 x 0.20
    "purchase.days_since_last": 180,
}
POTENTIAL = {
    "purchase.count.lifetime": 6,
    "purchase.count.90d": 3,  # 50 % of the year's, the midpoint: 50 x 0.35
    "purchase.count.365d": 6,
    "purchase.count.30d": 2,  # of 4: 50 x 0.30
    "invite.count.365d": 5,  # all: 100 x 0.15
    "purchase.amount_minor.lifetime": 300_000,  # the midpoint, downwards: 50 x 0.20
}
STAGE = {
    "login.days_since_last": 45,  # the midpoint, downwards: 50 x 0.60
    "login.days_since_first": 365,  # all: 100 x 0.15
    "interaction.distinct_days.90d": 10,  # of 20: 50; 45 days at a half-life of 30 leave 35 %: 18 x 0.15
    "message.distinct_days.90d": 10,  # all: 100, of which 35 % is left: 35 x 0.10
}
HEALTH = {
    "purchase.count.lifetime": 4,
    "login.distinct_days.30d": 10,  # of 20: 50 x 0.30
    "purchase.amount_minor.365d": 150_000,  # the midpoint: 50 x 0.20
    "refund.amount_minor.365d": 30_000,  # 15 % of what was spent, of 30 %, downwards: 50 x 0.20
    "purchase_gross.amount_minor.365d": 200_000,
    "purchase.days_since_last": 90,  # the midpoint, downwards: 50 x 0.30
}


@pytest.mark.parametrize(
    ("name", "facts", "contributions_bp", "total_bp", "label"),
    [
        ("activity", ACTIVITY, (625, 1_500, 750, 500, 1_000, 0), 4_375, "quiet"),
        ("vci", VCI, (2_400, 2_000, 500), 4_900, "middle"),
        # 5,750 through the link: 1 / (1 + exp(-250 / 800)) = 0.577, which the link adds 20 for.
        ("potential", POTENTIAL, (1_750, 1_500, 1_500, 1_000, 20), 5_770, "steady"),
        ("stage", STAGE, (3_000, 1_500, 270, 350), 5_120, "introduction"),
        ("health", HEALTH, (1_500, 1_000, 1_000, 1_500), 5_000, "watch"),
    ],
)
def test_each_score_is_the_sum_of_its_points_by_weight(
    name: str, facts: Mapping[str, int], contributions_bp: tuple[int, ...], total_bp: int, label: str
) -> None:
    found = score(CARDS[name], facts)

    assert tuple(each.contribution_bp for each in found.contributions) == contributions_bp
    assert (found.total_bp, found.label) == (total_bp, label)


@pytest.mark.parametrize(
    ("facts", "total_bp", "label"),
    [
        # All of activity and value, nothing given back, and at 0 days 1 / (1 + exp(-4.5)) = 0.99.
        (
            {
                "login.distinct_days.30d": 28,
                "purchase.amount_minor.365d": 900_000,
                "purchase_gross.amount_minor.365d": 900_000,
                "purchase.days_since_last": 0,
            },
            3_000 + 2_000 + 2_000 + 2_970,
            "healthy",
        ),
        # At nothing spent value is 1 / (1 + exp(3)) = 0.05; there is nothing to measure service by.
        ({"purchase.days_since_last": 400}, 100, "intervention"),
        # Who spends well but sends half of it back and does not log in any more is one, too.
        (
            {
                "purchase.amount_minor.365d": 150_000,
                "refund.amount_minor.365d": 150_000,
                "purchase_gross.amount_minor.365d": 300_000,
                "purchase.days_since_last": 90,
            },
            1_000 + 1_500,
            "intervention",
        ),
    ],
)
def test_low_health_asks_for_an_intervention(facts: Mapping[str, int], total_bp: int, label: str) -> None:
    found = score(CARDS["health"], {"purchase.count.lifetime": 3, **facts})

    assert (found.total_bp, found.label) == (total_bp, label)


def test_the_coefficient_of_top_members_begins_at_eight_tenths() -> None:
    most = {**VCI, "purchase.count.365d": 25, "purchase.amount_minor.365d": 25 * 200_000}
    top = score(CARDS["vci"], most)
    below = score(
        CARDS["vci"], {**most, "purchase.count.365d": 18, "purchase.amount_minor.365d": 18 * 200_000}
    )

    assert (top.total_bp, top.label) == (4_000 + 4_000 + 500, "top")
    assert (below.total_bp, below.label) == (3_200 + 4_000 + 500, "middle")


@pytest.mark.parametrize("name", ["vci", "potential", "health"])
def test_who_never_bought_has_none(name: str) -> None:
    found = score(CARDS[name], {"login.distinct_days.30d": 10})

    assert (found.total_bp, found.absent_reason) == (None, FACT_MISSING)
