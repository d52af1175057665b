"""Fairness: rates with their intervals, what is a finding, and that no small group can be worked out."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import matrix_rank

from libs.common.errors import ProgramInvalid
from libs.common.fairness_policy import Fairness
from libs.common.program import Program, preset
from services.benefits.domain.fairness import (
    GROUPS_TOLD_MAX,
    OTHERS,
    VALUES_MAX,
    Audit,
    Population,
    audits,
    told,
)
from services.benefits.domain.rates import Finding, compared, rate

LADDER = {"main": {"normal": 0, "silver": 1, "gold": 2}}
POLICY = Fairness(attributes=("store",))


def a_population(*groups: tuple[str, int, int, int]) -> Population:
    """Of groups as (store, normal, silver, gold)."""
    population = Population(LADDER, ["store"])
    for store, *counts in groups:
        for tier, count in zip(LADDER["main"], counts, strict=True):
            for _ in range(count):
                population.add({"main": tier}, [store])
    return population


def audited(*groups: tuple[str, int, int, int]) -> Audit:
    (audit,) = audits(a_population(*groups), POLICY)
    return audit


def test_a_rate_is_of_those_who_hold_the_tier_or_a_higher_one() -> None:
    audit = audited(("east", 60, 30, 10), ("west", 60, 30, 10))

    east, west = audit.groups
    assert (east.value, east.members, west.value) == ("east", 100, "west")
    assert [(each.count, each.rate_bp) for each in east.rates] == [(40, 4_000), (10, 1_000)]
    assert [(each.count, each.rate_bp) for each in audit.everybody.rates] == [(80, 4_000), (20, 1_000)]
    assert audit.findings == 0


# By Wilson (1927), as R's binom::binom.confint(methods = "wilson") gives them.
@pytest.mark.parametrize(
    ("count", "members", "low_bp", "high_bp"),
    [(30, 100, 2_189, 3_959), (0, 20, 0, 1_612), (20, 20, 8_388, 10_000), (1, 1, 2_065, 10_000)],
)
def test_an_interval_is_wilsons(count: int, members: int, low_bp: int, high_bp: int) -> None:
    found = rate(count, members)

    assert (found.low_bp, found.high_bp) == (low_bp, high_bp)


def test_of_nobody_any_rate_is_possible() -> None:
    assert (rate(0, 0).low_bp, rate(0, 0).high_bp) == (0, 10_000)


@given(st.integers(1, 5_000), st.data())
def test_a_rate_lies_in_its_interval_which_is_wider_for_more_comparisons(members: int, data: Any) -> None:
    count = data.draw(st.integers(0, members))

    one, many = rate(count, members), rate(count, members, 100)

    assert 0 <= many.low_bp <= one.low_bp <= one.rate_bp <= one.high_bp <= many.high_bp <= 10_000


def test_a_group_that_is_surely_far_from_all_members_is_a_finding() -> None:
    audit = audited(("east", 500, 500, 0), ("west", 900, 100, 0))

    west = audit.groups[1].rates[0]
    assert (west.gap_bp, west.gap) == (-2_000, Finding.BEYOND)
    assert (west.ratio_bp, west.ratio) == (2_000, Finding.BEYOND)
    assert audit.findings == 2


def test_the_highest_group_is_its_own_measure() -> None:
    east = audited(("east", 500, 500, 0), ("west", 900, 100, 0)).groups[0].rates[0]

    assert (east.ratio_bp, east.ratio) == (10_000, Finding.WITHIN)


def test_a_small_group_that_is_far_away_by_chance_is_none() -> None:
    audit = audited(("east", 12, 8, 0), ("west", 500, 500, 0))

    east = audit.groups[0].rates[0]
    assert (east.gap_bp, east.gap) == (-980, Finding.CHANCE)
    assert audit.findings == 0


@pytest.mark.parametrize(
    ("count", "gap", "ratio"),
    [
        (4_500, Finding.WITHIN, Finding.WITHIN),
        (4_499, Finding.BEYOND, Finding.WITHIN),
        (4_000, Finding.BEYOND, Finding.WITHIN),
        (3_999, Finding.BEYOND, Finding.BEYOND),
    ],
    ids=["five points below", "a bit more", "four fifths", "a bit less"],
)
def test_bounds_themselves_are_within(count: int, gap: Finding, ratio: Finding) -> None:
    # So many members that nothing is by chance.
    own, half = rate(count * 1_000, 10_000_000), rate(5_000_000, 10_000_000)

    found = compared(own, half, half, POLICY)

    assert (found.gap, found.ratio) == (gap, ratio)


def test_where_nobody_holds_a_tier_all_groups_hold_it_alike() -> None:
    audit = audited(("east", 50, 0, 0), ("west", 50, 0, 0))

    assert {each.ratio_bp for group in audit.groups for each in group.rates} == {10_000}
    assert audit.findings == 0


def test_equal_chances_are_hardly_ever_called_a_finding() -> None:
    chance = random.Random(25)
    found = 0
    for _ in range(100):
        population = Population(LADDER, ["store"])
        for member in range(600):
            tier = chance.choices(["normal", "silver", "gold"], [60, 30, 10])[0]
            population.add({"main": tier}, [f"store {member % 20}"])
        (audit,) = audits(population, POLICY)
        found += audit.findings > 0

    # By chance, 5 in 100 at most where intervals are of 95 %; ratios compare two of them, and are rarer.
    assert found <= 8


class TestSmallGroups:
    def test_two_small_groups_are_told_as_one(self) -> None:
        audit = audited(("east", 80, 10, 10), ("north", 9, 2, 1), ("south", 10, 1, 1))

        assert [each.value for each in audit.groups] == ["east"]
        assert audit.pooled is not None
        assert (audit.pooled.value, audit.pooled.members, audit.pooled_groups) == ("", 24, 2)

    def test_a_single_small_group_takes_the_smallest_other_one_with_it(self) -> None:
        audit = audited(("east", 80, 10, 10), ("north", 9, 2, 1), ("west", 60, 10, 10))

        assert [each.value for each in audit.groups] == ["east"]
        assert (audit.pooled_groups, audit.pooled and audit.pooled.members) == (2, 92)

    def test_small_groups_that_are_small_together_take_another_with_them(self) -> None:
        assert told({"a": 500, "b": 300, "c": 5, "d": 6}, 20) == ["a"]

    def test_where_no_group_may_be_told_there_is_nothing_but_all_members(self) -> None:
        audit = audited(("east", 80, 10, 10), ("west", 5, 0, 0))

        assert (audit.groups, audit.pooled, audit.suppressed) == ([], None, True)
        assert audit.everybody.members == 105

    def test_a_group_as_large_as_the_least_is_told(self) -> None:
        assert told({"a": 20, "b": 20}, 20) == ["a", "b"]

    def test_of_very_many_groups_the_largest_are_told(self) -> None:
        sizes = {f"{number:03}": 20 + number for number in range(200)}

        shown = told(sizes, 20)

        assert shown == [f"{number:03}" for number in range(200 - GROUPS_TOLD_MAX, 200)]

    def test_more_values_than_are_counted_are_among_the_others(self) -> None:
        population = Population(LADDER, ["store"])
        for number in range(VALUES_MAX + 30):
            population.add({"main": "normal"}, [f"{number}"])

        assert population.sizes("store")[OTHERS] == 30
        assert told(population.sizes("store"), 5) == []

    def test_who_lacks_a_tier_set_is_not_counted_so_that_groups_are_alike_in_all(self) -> None:
        population = Population(LADDER | {"club": {"in": 0, "up": 1}}, ["store"])
        population.add({"main": "gold"}, ["east"])
        population.add({"main": "gold", "club": "in"}, ["east"])
        population.add({"main": "gold", "club": "of_old"}, ["east"])

        assert (population.members, population.sizes("store")["east"]) == (1, 1)

    @settings(max_examples=300)
    @given(
        st.dictionaries(
            st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 60), min_size=1, max_size=12
        ),
        st.integers(5, 40),
    )
    def test_nothing_that_is_not_told_can_be_worked_out_from_what_is(
        self, sizes: dict[str, int], members_min: int
    ) -> None:
        shown = told(sizes, members_min)

        hidden = sorted(sizes.keys() - set(shown))
        groups = [*shown, *hidden]
        # What is known are the sums over each told group, over the others in one, and over everybody.
        known = [[each == group for each in groups] for group in shown]
        known += [[True] * len(groups), *([[each in hidden for each in groups]] if shown and hidden else [])]
        for group in hidden if len(groups) > 1 else []:
            asked = [each == group for each in groups]
            assert matrix_rank(np.array([*known, asked], float)) > matrix_rank(np.array(known, float))
        if shown and hidden:
            assert sum(sizes[each] for each in hidden) >= members_min
        assert all(sizes[each] >= members_min for each in shown)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["normal", "silver", "gold"])), max_size=80)
)
def test_groups_add_up_to_all_members(members: list[tuple[str, str]]) -> None:
    population = Population(LADDER, ["store"])
    for store, tier in members:
        population.add({"main": tier}, [store])

    (audit,) = audits(population, POLICY)

    told_of = [*audit.groups, *([audit.pooled] if audit.pooled else [])]
    assert audit.suppressed or sum(each.members for each in told_of) == len(members)
    assert (
        audit.suppressed
        or not told_of
        or [sum(each.rates[place].count for each in told_of) for place in range(2)]
        == [each.count for each in audit.everybody.rates]
    )
    assert Counter(tier for _, tier in members)["gold"] == audit.everybody.rates[1].count


class TestPolicy:
    def test_nothing_may_be_used_unless_it_is_said(self) -> None:
        document = preset("music_store").document()
        del document["fairness"]

        assert Program.parse(document).fairness == Fairness()
        assert Fairness().attributes == ()

    @pytest.mark.parametrize(
        "fairness",
        [
            {"attributes": ["birthday"]},
            {"attributes": ["store", "store"]},
            {"attributes": ["registration_year", "registration_month"]},
            {"members_min": 1},
        ],
        ids=["not an attribute", "twice", "one tells of the other", "of one"],
    )
    def test_a_policy_that_would_tell_too_much_is_refused(self, fairness: dict[str, Any]) -> None:
        document = preset("music_store").document() | {"fairness": fairness}

        with pytest.raises(ProgramInvalid):
            Program.parse(document)
