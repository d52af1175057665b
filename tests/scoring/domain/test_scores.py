"""The score of one member by a scorecard: parts that add up, why, and who has none."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.program import preset
from libs.common.score_policy import Scorecard
from services.scoring.domain.cards import cards_of, scorecard
from services.scoring.domain.scores import Score, score

LOGINS, SINCE = "login.count.30d", "login.days_since_last"
ORDERS, SPEND = "purchase.count.365d", "purchase.amount_minor.365d"
NAME = {"zh": "名", "en": "Name"}
SHOP = cards_of(preset("ecommerce_points"))


def a_dimension(key: str, fact: str, weight_bp: int, **fields: Any) -> dict[str, Any]:
    scale = {"kind": "linear", "low": 0, "high": 10}
    return {"key": key, "name": NAME, "fact": fact, "scale": scale, "weight_bp": weight_bp} | fields


def scored(facts: dict[str, int], *dimensions: dict[str, Any], **fields: Any) -> Score:
    policy = {
        "key": "card",
        "version": "v1",
        "name": NAME,
        "dimensions": dimensions or (a_dimension("logins", LOGINS, 10_000),),
        "bands": [
            {"key": "high", "name": NAME, "min_total_bp": 5_000},
            {"key": "low", "name": NAME, "min_total_bp": 0},
        ],
    }
    return score(scorecard(Scorecard.model_validate(policy | fields, strict=False)), facts)


def codes(found: Score) -> list[tuple[str, dict[str, str]]]:
    return [(reason.code, reason.params) for reason in found.reasons]


def test_a_total_is_the_sum_of_points_times_weight_and_industry_coefficient() -> None:
    found = scored(
        {LOGINS: 5, ORDERS: 10},
        a_dimension("logins", LOGINS, 7_000),
        a_dimension("orders", ORDERS, 3_000),
        industry_bp=12_000,
    )

    assert [(each.score, each.weight_bp, each.contribution_bp) for each in found.contributions] == [
        (50, 7_000, 4_200),
        (100, 3_000, 3_600),
    ]
    assert (found.total_bp, found.label) == (7_800, "high")


@pytest.mark.parametrize(("total", "label"), [(5, "high"), (4, "low")], ids=["at the band", "just below"])
def test_a_band_begins_at_its_threshold(total: int, label: str) -> None:
    assert scored({LOGINS: total}).label == label


def test_older_behaviour_weighs_less() -> None:
    decay = {"age_fact": SINCE, "half_life_days": 30}
    dimension = a_dimension("logins", LOGINS, 10_000, decay=decay)

    totals = [scored({LOGINS: 10, SINCE: age}, dimension).total_bp for age in (0, 10, 30, 60, 1_000)]
    (contribution,) = scored({LOGINS: 8, SINCE: 30}, dimension).contributions

    assert totals == [10_000, 7_900, 5_000, 2_500, 0]
    assert (contribution.score, contribution.decay_bp) == (40, 5_000)


def test_one_fact_by_another_is_rounded_down_and_nothing_by_nothing_has_no_points() -> None:
    scale = {"kind": "linear", "low": 0, "high": 100}
    dimension = a_dimension("share", SPEND, 10_000, per={"fact": ORDERS, "times": 100}, scale=scale)

    found = [
        scored(facts, dimension).contributions[0]
        for facts in ({SPEND: 2, ORDERS: 3}, {SPEND: -1, ORDERS: 3}, {SPEND: 9}, {ORDERS: 3})
    ]

    assert [(each.value, each.missing, each.score) for each in found] == [
        (66, False, 66),
        (-34, False, 0),
        (0, True, 0),
        (0, False, 0),
    ]


@pytest.mark.parametrize(
    ("dimension", "points"),
    [
        (a_dimension("never", LOGINS, 10_000), 0),
        (a_dimension("never", LOGINS, 10_000, direction="down"), 100),
        (a_dimension("since", SINCE, 10_000), 0),
        (a_dimension("since", SINCE, 10_000, direction="down"), 0),
    ],
    ids=["done 0 times", "refunded 0 times", "no days", "no days, fewer of which would be better"],
)
def test_what_never_happened_counts_0_times_and_gives_no_points_for_its_days(
    dimension: dict[str, Any], points: int
) -> None:
    (contribution,) = scored({}, dimension).contributions

    assert (contribution.score, contribution.value, contribution.missing) == (points, 0, True)


@pytest.mark.parametrize(
    ("required", "facts", "has_one"),
    [
        (ORDERS, {ORDERS: 1}, True),
        (ORDERS, {ORDERS: 0}, False),
        (ORDERS, {}, False),
        (SINCE, {SINCE: 0}, True),
        (SINCE, {}, False),
    ],
)
def test_who_lacks_what_a_scorecard_requires_has_no_score_and_hears_why(
    required: str, facts: dict[str, int], has_one: bool
) -> None:
    found = scored(facts, requires=required)

    assert (found.total_bp is not None) is has_one
    if not has_one:
        assert (found.absent_reason, found.label, found.contributions) == ("FACT_MISSING", "", ())
        assert codes(found) == [("FACT_MISSING", {"fact": required})]


def test_a_link_bends_the_total_and_says_what_it_added() -> None:
    link = {"kind": "logistic", "midpoint_bp": 5_000, "spread_bp": 1_000}

    found = {points: scored({LOGINS: points}, link=link) for points in (0, 5, 6, 10)}

    assert [each.total_bp for each in found.values()] == [70, 5_000, 7_310, 9_930]
    assert [each.contributions[-1].contribution_bp for each in found.values()] == [70, 0, 1_310, -70]
    assert found[6].contributions[-1].factor == "link"


def test_a_score_says_what_gives_most_what_leaves_most_what_is_old_and_what_the_next_label_lacks() -> None:
    decay = {"age_fact": SINCE, "half_life_days": 30}
    found = scored(
        {LOGINS: 10, SINCE: 30, ORDERS: 1},
        a_dimension("logins", LOGINS, 6_000, decay=decay),
        a_dimension("orders", ORDERS, 4_000),
    )

    assert codes(found) == [
        ("SCORE_LIFTED_BY", {"factor": "logins", "contribution_bp": "3000", "most_bp": "6000"}),
        ("SCORE_HELD_BACK_BY", {"factor": "orders", "contribution_bp": "400", "most_bp": "4000"}),
        ("SCORE_AGED", {"factor": "logins", "left_bp": "5000"}),
        ("NEXT_LABEL_GAP", {"label": "high", "missing_bp": "1600"}),
    ]


def test_the_best_and_the_emptiest_score_have_nothing_to_say_of_the_rest() -> None:
    assert [code for code, _ in codes(scored({LOGINS: 10}))] == ["SCORE_LIFTED_BY"]
    assert [code for code, _ in codes(scored({}))] == ["SCORE_HELD_BACK_BY", "NEXT_LABEL_GAP"]


@settings(max_examples=60)
@given(
    name=st.sampled_from(sorted(SHOP)),
    values=st.lists(st.none() | st.integers(-(8 * 10**15), 8 * 10**15) | st.integers(0, 400), max_size=12),
)
def test_the_parts_of_every_score_add_up_to_it_exactly(name: str, values: list[int | None]) -> None:
    card = SHOP[name]
    facts = {fact: value for fact, value in zip(card.facts, values, strict=False) if value is not None}

    found = score(card, facts)

    if found.total_bp is None:
        assert found.absent_reason
    else:
        assert sum(each.contribution_bp for each in found.contributions) == found.total_bp
        assert 0 <= found.total_bp <= (50_000 if name == "rfm" else 10_000)
        assert found.label in card.labels


ACTIVE = {
    "login.distinct_days.30d": 20,
    "login.distinct_days.90d": 50,
    "login.days_since_last": 1,
    "login.days_since_first": 400,
    "view.count.30d": 120,
    "view.days_since_last": 1,
    "interaction.count.30d": 30,
    "interaction.distinct_days.90d": 20,
    "message.distinct_days.90d": 10,
    "review.count.90d": 4,
    "share.count.90d": 5,
    "share.count.365d": 20,
    "share.days_since_last": 3,
    "purchase.count.30d": 3,
    "purchase.count.90d": 8,
    "purchase.count.365d": 25,
    "purchase.count.lifetime": 40,
    "purchase.amount_minor.365d": 3_000_000,
    "purchase_gross.amount_minor.365d": 3_000_000,
    "purchase.amount_minor.lifetime": 4_000_000,
    "purchase.days_since_last": 2,
    "purchase.days_since_first": 800,
}
ASLEEP = ACTIVE | {
    fact: 0 for fact in ACTIVE if fact.endswith(("30d", "90d"))
} | {fact: 200 for fact in ACTIVE if fact.endswith("days_since_last")}  # fmt: skip
FRESH = {
    "login.days_since_last": 2,
    "login.days_since_first": 5,
    "login.distinct_days.30d": 3,
    "purchase.count.30d": 3,
    "purchase.count.90d": 3,
    "purchase.count.365d": 3,
    "purchase.count.lifetime": 3,
    "purchase.amount_minor.365d": 60_000,
    "purchase_gross.amount_minor.365d": 60_000,
    "purchase.amount_minor.lifetime": 60_000,
    "purchase.days_since_last": 2,
    "purchase.days_since_first": 5,
}


@pytest.mark.parametrize(
    ("facts", "labels"),
    [
        (ACTIVE, ["high_value", "active", "top", "steady", "mature", "healthy", "excellent"]),
        (ASLEEP, ["potential", "inactive", "top", "steady", "decline", "intervention", "fair"]),
        (FRESH, ["potential", "quiet", "base", "growing", "introduction", "watch", "low"]),
        ({}, ["", "inactive", "", "", "decline", "", "low"]),
    ],
    ids=["an active member", "one who left", "a new one", "one who never came"],
)
def test_the_scores_of_the_shop_tell_members_apart(facts: dict[str, int], labels: list[str]) -> None:
    assert [score(card, facts).label for card in SHOP.values()] == labels
