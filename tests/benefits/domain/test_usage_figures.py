"""Usage figures: what is told of a month, and that nothing of a few members can be worked out from it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import matrix_rank

from libs.common.program import Program, preset
from services.benefits.domain.coupons import Campaign
from services.benefits.domain.usage import OTHERS, Month, Tally, UsageKind, Used
from services.benefits.domain.usage_figures import Group, UsageFigures, figures
from services.benefits.domain.usage_terms import Terms, anybody, of_benefit, of_campaign, of_reward
from tests.benefits.domain.coupon_builders import a_campaign
from tests.benefits.domain.reward_builders import a_reward

TIERS = ("normal", "silver", "gold", "platinum", "diamond")
LETTER = UsageKind.BENEFIT, "letter"
MIN = 20
STORE = preset("music_store")

Cells = Mapping[str, tuple[int, int]]
"""Members of tiers, and how many of them used something."""


def published(
    cells: Cells, *, may_have: Sequence[str] = TIERS, members_min: int = MIN, **more: Any
) -> UsageFigures:
    """The figures of a month in which one thing was used, each user twice."""
    tally = Tally(
        sum(members for members, _ in cells.values()),
        Counter({("main", tier): members for tier, (members, _) in cells.items()}),
        {LETTER: {("main", tier): Used(users, 2 * users) for tier, (_, users) in cells.items() if users}},
    )
    return figures(
        Month.parse("1998-07"),
        tally,
        {"main": list(cells)},
        {LETTER: Terms(("信", "Letter"), {"main": may_have})},
        program_version=1,
        members_min=members_min,
        **more,
    )


def told(groups: Sequence[Group]) -> list[tuple[str, int, int]]:
    return [("+".join(each.tiers), each.members, each.used.users) for each in groups]


def test_each_tier_tells_who_could_and_who_did_and_all_add_up() -> None:
    found = published({"normal": (1_000, 100), "silver": (200, 50), "gold": (100, 40)})

    (item,) = found.items
    assert (item.kind, item.key, item.name, item.tier_set) == (
        UsageKind.BENEFIT,
        "letter",
        ("信", "Letter"),
        "main",
    )
    assert told(item.groups) == [("normal", 1_000, 100), ("silver", 200, 50), ("gold", 100, 40)]
    assert told([item.everybody]) == [("normal+silver+gold", 1_300, 190)]
    assert item.everybody.used.uses == 380
    assert (found.members, told(found.tier_sets["main"])) == (
        1_300,
        [("normal", 1_000, 0), ("silver", 200, 0), ("gold", 100, 0)],
    )


def test_a_small_tier_is_told_with_others_alone_and_they_are_the_same_for_all_that_is_used() -> None:
    found = published({"normal": (1_000, 100), "silver": (200, 50), "gold": (100, 40), "diamond": (3, 3)})

    (item,) = found.items
    assert told(item.groups) == [("normal", 1_000, 100), ("silver", 200, 50), ("gold+diamond", 103, 43)]
    assert told(found.tier_sets["main"])[-1][0] == "gold+diamond"


def test_a_tier_in_which_few_used_something_is_told_with_others_alone() -> None:
    found = published({"normal": (1_000, 100), "silver": (200, 19), "gold": (100, 40), "platinum": (50, 25)})

    (item,) = found.items
    assert told(item.groups) == [("normal", 1_000, 100), ("gold", 100, 40), ("silver+platinum", 250, 44)]


def test_a_tier_in_which_few_did_not_use_something_is_told_with_others_alone() -> None:
    found = published({"normal": (1_000, 100), "silver": (200, 181), "gold": (100, 40)})

    (item,) = found.items
    assert told(item.groups) == [("normal", 1_000, 100), ("silver+gold", 300, 221)]


def test_where_no_tier_may_be_told_by_itself_there_is_one_sum() -> None:
    found = published({"normal": (1_000, 15), "silver": (200, 15), "gold": (100, 15)})

    (item,) = found.items
    assert told(item.groups) == [("normal+silver+gold", 1_300, 45)]


@pytest.mark.parametrize("users", [0, 1, 19, 81, 100])
def test_what_too_few_used_or_too_few_did_not_is_not_told_at_all(users: int) -> None:
    assert published({"normal": (100, users)}).items == []


def test_of_too_few_members_nothing_is_told() -> None:
    found = published({"normal": (10, 5), "silver": (9, 5)})

    assert (found.members, found.tier_sets, found.items) == (0, {}, ())


def test_who_may_not_have_something_is_not_among_those_who_could() -> None:
    found = published({"normal": (1_000, 0), "silver": (200, 0), "gold": (100, 30)}, may_have=["gold"])

    (item,) = found.items
    assert told([item.everybody, *item.groups]) == [("gold", 100, 30), ("gold", 100, 30)]


def test_where_others_had_it_too_all_are_those_who_could() -> None:
    found = published({"normal": (1_000, 1), "silver": (200, 0), "gold": (100, 30)}, may_have=["gold"])

    (item,) = found.items
    assert told(item.groups) == [("normal+silver+gold", 1_300, 31)]


# Nothing of a few can be worked out.

SOME_CELLS = st.lists(
    st.integers(0, 90).flatmap(lambda members: st.tuples(st.just(members), st.integers(0, members))),
    min_size=1,
    max_size=5,
)
TWO_ITEMS = SOME_CELLS.flatmap(
    lambda cells: st.tuples(
        st.just(cells),
        st.tuples(*(st.integers(0, members) for members, _ in cells)),
        st.sets(st.integers(0, len(cells) - 1), min_size=1),
    )
)


@settings(max_examples=400, deadline=None)
@given(TWO_ITEMS, st.integers(5, 30))
def test_no_number_below_the_least_can_be_worked_out(
    drawn: tuple[list[tuple[int, int]], tuple[int, ...], set[int]], members_min: int
) -> None:
    """Two things are used, one of which some tiers may have; whatever is told is many, and so is the rest."""
    cells, others, may_have = drawn
    tiers = TIERS[: len(cells)]
    members = [each for each, _ in cells]
    used = {"a": [users for _, users in cells], "b": list(others)}
    tally = Tally(
        sum(members),
        Counter({("main", tier): count for tier, count in zip(tiers, members, strict=True)}),
        {
            (UsageKind.BENEFIT, key): {
                ("main", tier): Used(users, users) for tier, users in zip(tiers, counts, strict=True) if users
            }
            for key, counts in used.items()
        },
    )
    allowed = {"a": list(tiers), "b": [tiers[place] for place in sorted(may_have)]}
    terms = {(UsageKind.BENEFIT, key): Terms(("", ""), {"main": each}) for key, each in allowed.items()}

    found = figures(
        Month.parse("1998-07"), tally, {"main": tiers}, terms, program_version=1, members_min=members_min
    )

    groups = found.tier_sets.get("main", [])
    assert all(each.members >= members_min for each in groups)
    for item in found.items:
        told_of = [item.everybody, *item.groups]
        assert all(each.used.users >= members_min for each in told_of)
        assert all(each.members - each.used.users >= members_min for each in told_of)
        assert sum((each.used for each in item.groups), start=Used()) == item.everybody.used
        assert sum(each.members for each in item.groups) == item.everybody.members
        _stays_open(item.groups, groups, members_min)
    _is_no_sum_of_what_is_told(found, tiers, members, used, members_min)


def _stays_open(told_groups: Sequence[Group], classes: Sequence[Group], members_min: int) -> None:
    """What is told together may be divided in many ways between its parts, by how many these are."""
    for group in told_groups:
        parts = [each.members for each in classes if set(each.tiers) <= set(group.tiers)]
        assert sum(parts) == group.members
        for size in parts if len(parts) > 1 else []:
            least, most = max(0, group.used.users - (group.members - size)), min(size, group.used.users)
            assert most - least >= members_min


def _is_no_sum_of_what_is_told(
    found: UsageFigures,
    tiers: Sequence[str],
    members: Sequence[int],
    used: Mapping[str, Sequence[int]],
    members_min: int,
) -> None:
    """No few members of any tiers, users and others are a combination of numbers that are told."""
    width = len(tiers)

    def row(chosen: Sequence[str], *signs: int) -> list[int]:
        """Signs of members, of users of a and of users of b, at these tiers."""
        return [sign * (tier in chosen) for sign in signs for tier in tiers]

    known = [row(tiers, 1, 0, 0)] if found.members else []
    known += [row(each.tiers, 1, 0, 0) for groups in found.tier_sets.values() for each in groups]
    for item in found.items:
        sign = (1, 0) if item.key == "a" else (0, 1)
        for each in (item.everybody, *item.groups):
            known += [row(each.tiers, 1, 0, 0), row(each.tiers, 0, *sign)]
    rank = matrix_rank(np.array(known, float)) if known else 0
    values = np.array([*members, *used["a"], *used["b"]])
    for size in range(1, width + 1):
        for chosen in combinations(tiers, size):
            for signs in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 0), (1, 0, -1)):
                asked = row(chosen, *signs)
                if int(values @ np.array(asked)) < members_min:
                    assert matrix_rank(np.array([*known, asked], float)) > rank


# Who may have what.


def test_a_benefit_may_be_had_by_the_tiers_that_grant_it_and_those_that_inherit_it() -> None:
    assert of_benefit(STORE, "free_shipping") == Terms(
        ("免运费", "Free shipping"), {"main": ["silver", "gold", "platinum", "diamond"]}
    )


def test_a_benefit_that_nothing_grants_any_more_may_have_been_had_by_all() -> None:
    assert of_benefit(STORE, "of_old") == anybody(STORE, ("of_old", "of_old"))


def test_a_benefit_that_contracts_grant_may_be_had_by_all() -> None:
    program = preset("dating_annual")
    plan = next(each for each in program.contracts.plans if each.benefits)
    (grant, *_) = plan.benefits

    terms = of_benefit(program, grant.benefit)

    assert terms == anybody(program, (grant.name.zh, grant.name.en))


@pytest.mark.parametrize(
    ("asked", "tiers"),
    [({}, list(TIERS)), ({"tier_set": "main", "tier": "gold"}, ["gold", "platinum", "diamond"])],
    ids=["for all", "from gold on"],
)
def test_a_reward_may_be_had_from_the_tier_on_that_it_asks_for(
    asked: dict[str, Any], tiers: list[str]
) -> None:
    assert of_reward(STORE, a_reward(**asked)) == Terms(("咖啡", "Coffee"), {"main": tiers})


@pytest.mark.parametrize(
    ("tiers", "may_have"), [((), list(TIERS)), (("gold",), ("gold",))], ids=["for all", "for gold"]
)
def test_coupons_may_be_had_by_the_tiers_of_their_campaign(
    tiers: tuple[str, ...], may_have: Sequence[str]
) -> None:
    campaign: Campaign = a_campaign(tiers=tiers)

    assert of_campaign(STORE, campaign).tiers == {"main": may_have}


def test_others_are_called_so_and_may_be_had_by_all() -> None:
    assert anybody(STORE).name == ("其他", "others")
    assert OTHERS == ""


def test_a_program_of_two_ladders_tells_a_benefit_by_those_that_grant_it() -> None:
    document = STORE.document()
    club = {**document["tier_sets"][0], "key": "club", "name": {"zh": "俱乐部", "en": "Club"}}
    club["tiers"] = [{**club["tiers"][0], "key": "guest", "benefits": []}]
    document["tier_sets"].append(club)
    program = Program.parse(document)

    assert set(of_benefit(program, "free_shipping").tiers) == {"main"}
    assert set(anybody(program).tiers) == {"main", "club"}
