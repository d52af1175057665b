"""Thresholds: which numbers may be others, and which of these pays best."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.documents import WHOLE_BP
from libs.common.errors import InvalidRequest
from libs.common.program import Program, preset
from services.benefits.domain.errors import TierUnknown
from services.benefits.domain.simulation_results import Cost, Money, Return
from services.benefits.domain.simulation_tallies import LadderTally, MoneyTally, SideTally, Walked, Walks
from services.benefits.domain.threshold_choice import Figures, Scale, at_stake, figures_of, suggested
from services.benefits.domain.thresholds import (
    FACTORS_BP,
    Obstacle,
    asked_for,
    candidates,
    nice,
    with_value,
)

NOW = datetime(1998, 7, 1, tzinfo=UTC)
SHOP = preset("music_store")


def with_entry(tier: str, entry: dict[str, Any], program: Program = SHOP) -> Program:
    """The program with another entry of a tier."""
    document = program.document()
    of_tier = next(each for each in document["tier_sets"][0]["tiers"] if each["key"] == tier)
    of_tier["entry"] = entry
    return Program.parse(document)


def of_spend(value: int, op: str = ">=", **fields: Any) -> dict[str, Any]:
    return {"metric": "spend", "op": op, "value": value, **fields}


def test_all_tiers_are_meant_from_the_top_where_none_is_named() -> None:
    asked = asked_for(SHOP, "", "", "")

    assert [each.tier for each in asked.thresholds] == ["diamond", "platinum", "gold", "silver"]
    assert {each.path for each in asked.thresholds} == {"entry"}
    assert (asked.without, asked.left_out) == ((), ())


def test_of_several_conditions_the_first_about_spend_is_meant_or_the_one_that_is_named() -> None:
    orders = {"metric": "orders", "op": ">=", "value": 4}
    gold = with_entry("gold", {"any": [orders, {"all": [of_spend(25_000, window="365d"), orders]}]})

    first, named = asked_for(gold, "main", "gold", ""), asked_for(gold, "main", "gold", "any[0]")

    assert [(each.path, each.asked.metric, each.window) for each in first.thresholds] == [
        ("any[1].all[0]", "spend", "365d")
    ]
    assert [each.asked.metric for each in named.thresholds] == ["orders"]


def test_a_tier_that_asks_for_a_label_alone_is_named_as_one_without_a_threshold() -> None:
    labelled = with_entry("gold", {"segment": "rfm", "is": "high_value"})

    asked = asked_for(labelled, "main", "", "")

    assert asked.without == ("gold",)
    assert "gold" not in [each.tier for each in asked.thresholds]


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(TierUnknown):
        asked_for(SHOP, "other", "", "")
    with pytest.raises(TierUnknown):
        asked_for(SHOP, "", "ruby", "")
    with pytest.raises(InvalidRequest):
        asked_for(SHOP, "", "normal", "")
    with pytest.raises(InvalidRequest):
        asked_for(SHOP, "", "gold", "all[0]")


@pytest.mark.parametrize(
    ("value", "factor_bp", "expected"),
    [
        (25_000, 9_000, 23_000),
        (25_000, 8_999, 22_000),
        (14_460, 10_001, 14_000),
        (99_600, 10_001, 100_000),
        (3, 6_000, 2),
        (1, 1_000, 1),
        (995, 10_000, 1_000),
    ],
)
def test_candidates_are_rounded_to_two_digits(value: int, factor_bp: int, expected: int) -> None:
    assert nice(value, factor_bp) == expected


@given(st.integers(1, 10**12), st.integers(1_000, 100_000))
def test_a_rounded_value_has_two_digits_and_is_the_nearest_such(value: int, factor_bp: int) -> None:
    rounded = nice(value, factor_bp)

    exact = value * factor_bp
    unit = 10 ** max(0, len(str(exact // WHOLE_BP)) - 2)
    assert int(str(rounded).rstrip("0") or 0) < 100
    assert rounded == 1 or abs(rounded * WHOLE_BP - exact) * 2 <= unit * WHOLE_BP


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1_000, 30_000), max_size=15, unique=True),
    st.sampled_from(["silver", "gold", "platinum", "diamond"]),
)
def test_every_candidate_is_tried_or_said_and_none_passes_a_neighbour(
    factors_bp: list[int], tier: str
) -> None:
    (threshold,) = asked_for(SHOP, "main", tier, "").thresholds

    found, left_out = candidates(SHOP, threshold, factors_bp, NOW)

    values = [each.value for each in found]
    assert len(found) - 1 + len(left_out) == len(set(factors_bp) - {WHOLE_BP})
    assert threshold.asked.value in values
    assert all(stricter > looser for stricter, looser in pairwise(values))
    for each in found:
        entries = [one.entry.value for one in each.program.tier_sets[0].tiers if one.entry]  # type: ignore[union-attr]
        assert all(lower < higher for lower, higher in pairwise(entries))


def test_the_live_value_is_a_candidate_even_where_tiers_ask_for_it_in_no_order() -> None:
    twisted = with_entry("gold", of_spend(9_000))
    (gold,) = asked_for(twisted, "main", "gold", "").thresholds

    found, left_out = candidates(twisted, gold, [8_000, 12_000], NOW)

    assert [each.value for each in found] == [11_000, 9_000]
    assert [(each.value, each.obstacle) for each in left_out] == [(7_200, Obstacle.TIER_BELOW)]


def test_of_what_asks_for_little_the_smaller_number_is_stricter() -> None:
    few = preset("music_store")
    for tier, value in (("silver", 50), ("gold", 30), ("platinum", 10), ("diamond", 5)):
        few = with_entry(tier, {"metric": "orders", "op": "<=", "value": value}, few)
    (gold,) = asked_for(few, "main", "gold", "").thresholds

    found, left_out = candidates(few, gold, [3_000, 5_000, 15_000, 20_000], NOW)

    walked = {each.value for each in found} | {each.value for each in left_out}
    assert walked == {30, 9, 15, 45, 60}
    obstacles = {each.value: each.obstacle for each in left_out if each.obstacle is not Obstacle.INVALID}
    assert obstacles == {9: Obstacle.TIER_ABOVE, 60: Obstacle.TIER_BELOW}


def test_a_candidate_whose_document_lint_finds_wrong_is_left_out_with_the_reason() -> None:
    # Nobody spends 160 and less than 150.
    broken = SHOP.document()
    silver = broken["tier_sets"][0]["tiers"][1]
    silver["entry"] = {"all": [of_spend(10_000), of_spend(15_000, "<")]}
    program = Program.parse(broken)
    (threshold,) = asked_for(program, "main", "silver", "all[0]").thresholds

    found, left_out = candidates(program, threshold, [12_000, 16_000], NOW)

    assert [each.value for each in found] == [12_000, 10_000]
    ((value, obstacle, detail),) = [(each.value, each.obstacle, each.detail) for each in left_out]
    assert (value, obstacle, bool(detail)) == (16_000, Obstacle.INVALID, True)


def test_changing_a_threshold_changes_one_number_and_nothing_else() -> None:
    (gold,) = asked_for(SHOP, "main", "gold", "").thresholds

    changed = with_value(SHOP, gold, 20_000)

    document = SHOP.document()
    document["tier_sets"][0]["tiers"][2]["entry"]["value"] = 20_000
    assert changed.document() == document


def a_value(value: int, margin: int, cost: int, members: int = 0) -> Figures:
    returned = Return(0, margin, cost)
    return Figures(value, members, 0, 0, Cost(0, 0, 0, 0), returned, returned)


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=15),
    st.data(),
)
def test_no_other_value_nets_more_than_the_chosen_one(
    nets: list[tuple[int, int]], data: st.DataObject
) -> None:
    (threshold,) = asked_for(SHOP, "main", "gold", "").thresholds
    live = data.draw(st.integers(0, len(nets) - 1))
    figures = [
        a_value(25_000 + (live - place) * 100, margin, cost) for place, (margin, cost) in enumerate(nets)
    ]

    found = suggested(threshold, figures, [])

    # From the chosen value the steps to no other one, looser or stricter, add up to more than nothing.
    chosen = next(place for place, each in enumerate(figures) if each.value == found.chosen_value)
    for other in range(len(figures)):
        looser = sum(step.net_minor for step in found.steps[chosen:other])
        stricter = -sum(step.net_minor for step in found.steps[other:chosen])
        assert looser + stricter <= 0
        if looser + stricter == 0 and other != chosen:
            assert not found.changed or (other < chosen and other != live)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=10))
def test_where_each_step_adds_less_than_the_one_before_the_last_that_does_not_lose_is_taken(
    steps: list[int],
) -> None:
    (threshold,) = asked_for(SHOP, "main", "gold", "").thresholds
    falling = sorted(steps, reverse=True)
    figures = [a_value(90_000, 0, 0)]
    for step in falling:
        figures.append(a_value(figures[-1].value - 1, figures[-1].low.margin_minor + step, 0))

    found = suggested(threshold, figures, [])

    assert found.chosen_value == figures[len([each for each in falling if each >= 0])].value


def test_what_is_at_stake_is_of_the_tier_set_that_is_looked_at() -> None:
    before, after = Walked([bytes([2, 1, 0])]), Walked([bytes([1, 1, 2])])
    walks = Walks({"other": before}, {"other": after}, [[0, 0, 0]], [100, 20, 3])

    found = at_stake(MoneyTally([], []), walks, "other")

    assert (found.stake, found.gaining) == (100, 3)


def test_figures_of_a_sample_are_those_of_all_and_of_a_year() -> None:
    side = SideTally(tiers=[[9, 9, 9], [5, 3, 2]], upgraded=[0, 0], downgraded=[0, 0])
    ladder = LadderTally(side, side, [], losing=1, gaining=2)
    money = Money(
        live=Cost(73, 73, 0, 0),
        draft=Cost(146, 146, 73, 0),
        stake_minor=0,
        gaining_minor=0,
        days=73,
        low=Return(-10, -4, 0),
        high=Return(10, 3, 0),
    )

    found = figures_of(20_000, 1, ladder, money, Scale(total=100, walked=10))

    assert (found.members, found.losing, found.gaining) == (50, 10, 20)
    assert found.cost == Cost(7_300, 7_300, 3_650, 0)
    assert (found.low, found.high) == (Return(-100, -40, 7_300), Return(100, 30, 7_300))
    assert (found.margin_minor, found.net_minor) == (-5, -7_305)


def test_the_proposed_factors_go_from_60_to_150_percent_in_nine_steps() -> None:
    assert (len(FACTORS_BP), FACTORS_BP[0], FACTORS_BP[-1]) == (9, 6_000, 15_000)
    assert WHOLE_BP in FACTORS_BP
