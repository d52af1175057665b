"""Usage: which month is settled, what tier a member has in it, and what is counted."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.contract_policy import Plan
from libs.common.program import Program, preset
from services.benefits.domain.usage import (
    ITEMS_MAX,
    OTHERS,
    Month,
    Tally,
    TierChange,
    UsageKind,
    Used,
    highest,
)
from tests.benefits.domain.contract_book import Book

NEW_YORK = "America/New_York"
JULY = Month.parse("1998-07")
BEGIN, END = JULY.begin(NEW_YORK), JULY.following.begin(NEW_YORK)
DAY = timedelta(days=1)
STORE = preset("music_store").tier_sets[0]
BENEFIT, REWARD = UsageKind.BENEFIT, UsageKind.REWARD


@pytest.mark.parametrize(
    ("moment", "settled"),
    [
        (datetime(1998, 8, 8, 3, 59, 59, tzinfo=UTC), "1998-06"),
        (datetime(1998, 8, 8, 4, tzinfo=UTC), "1998-07"),
        (datetime(1998, 9, 8, 3, 59, tzinfo=UTC), "1998-07"),
        (datetime(1999, 1, 8, 5, tzinfo=UTC), "1998-12"),
        (datetime(1999, 1, 7, 5, tzinfo=UTC), "1998-11"),
    ],
    ids=["a moment too early", "the eighth begins", "until the next", "over the year", "a day too early"],
)
def test_a_month_is_settled_a_week_after_its_end_where_the_program_does_its_business(
    moment: datetime, settled: str
) -> None:
    assert Month.settled_at(moment, NEW_YORK).key == settled


def test_a_month_begins_and_is_settled_at_midnight_whatever_the_clocks_are_set_to() -> None:
    march = Month.parse("1998-03")

    assert march.begin(NEW_YORK) == datetime(1998, 3, 1, 5, tzinfo=UTC)
    assert march.following.begin(NEW_YORK) == datetime(1998, 4, 1, 5, tzinfo=UTC)
    assert march.settled_time(NEW_YORK) == datetime(1998, 4, 8, 4, tzinfo=UTC)


def changed(*steps: tuple[str, str, datetime]) -> list[TierChange]:
    return [TierChange(*each) for each in steps]


@pytest.mark.parametrize(
    ("tier", "changes", "held"),
    [
        ("gold", changed(), "gold"),
        ("gold", changed(("silver", "gold", BEGIN)), "gold"),
        ("gold", changed(("silver", "gold", END)), "silver"),
        ("normal", changed(("gold", "normal", BEGIN + DAY)), "gold"),
        ("gold", changed(("normal", "silver", BEGIN + DAY), ("silver", "gold", END + DAY)), "silver"),
        ("normal", changed(("", "normal", BEGIN + DAY)), "normal"),
        ("normal", changed(("", "normal", END)), ""),
        ("of_old", changed(), ""),
    ],
    ids=[
        "all the time",
        "from its first moment on",
        "when it was over",
        "before a downgrade",
        "half of the way",
        "joined in it",
        "joined later",
        "a tier that is no more",
    ],
)
def test_a_month_has_the_highest_tier_that_a_member_held_in_it(
    tier: str, changes: list[TierChange], held: str
) -> None:
    assert highest(STORE, tier, changes, (), begin=BEGIN, end=END) == held


def test_a_tier_of_before_counts_as_the_one_that_replaces_it() -> None:
    document = preset("music_store").document()
    document["tier_sets"][0]["tiers"][2] |= {"key": "crown", "replaces": ["gold"]}
    ladder = Program.parse(document).tier_sets[0]

    assert highest(ladder, "gold", (), (), begin=BEGIN, end=END) == "crown"


@pytest.mark.parametrize(
    ("start", "held"),
    [(BEGIN - DAY, "gold"), (BEGIN + DAY, "gold"), (END, "normal"), (BEGIN - 366 * DAY, "normal")],
    ids=["runs when it begins", "starts in it", "starts later", "has ended"],
)
def test_a_tier_that_a_contract_grants_is_held_as_well(start: datetime, held: str) -> None:
    program = preset("dating_annual")
    plan = program.contracts.plan("gold_year")
    assert isinstance(plan, Plan)
    contract = Book(start).sell(plan)

    assert highest(program.tier_sets[0], "normal", (), [contract], begin=BEGIN, end=END) == held


def test_a_member_counts_once_for_each_thing_however_often_they_used_it() -> None:
    tally = Tally()

    tally.add({"main": "gold"}, {(BENEFIT, "letter"): Used(users=1, uses=3, units=90)})
    tally.add({"main": "gold"}, {(BENEFIT, "letter"): Used(users=1, uses=1, units=10)})
    tally.add({"main": "normal"}, {})

    assert (tally.members, dict(tally.holders)) == (3, {("main", "gold"): 2, ("main", "normal"): 1})
    assert tally.used == {(BENEFIT, "letter"): {("main", "gold"): Used(users=2, uses=4, units=100)}}


def test_who_has_no_standing_in_one_of_the_ladders_counts_in_none() -> None:
    tally = Tally()

    tally.add({"main": "gold", "club": ""}, {(BENEFIT, "letter"): Used(users=1, uses=1)})

    assert (tally.members, tally.used) == (0, {})


def test_what_is_used_beyond_the_first_hundred_of_a_kind_is_counted_as_one_and_its_users_once() -> None:
    tally = Tally()
    for number in range(ITEMS_MAX):
        tally.add({"main": "gold"}, {(REWARD, f"r{number:03}"): Used(users=1, uses=1)})

    more = {(REWARD, name): Used(users=1, uses=2, points=5) for name in ("x", "y")}
    tally.add(
        {"main": "gold"}, {**more, (BENEFIT, "letter"): Used(users=1, uses=1), (REWARD, "r000"): Used(1, 1)}
    )

    assert tally.used[REWARD, OTHERS] == {("main", "gold"): Used(users=1, uses=4, points=10)}
    assert tally.used[REWARD, "r000"]["main", "gold"].users == 2
    assert tally.used[BENEFIT, "letter"]["main", "gold"].users == 1
    assert len(tally.used) == ITEMS_MAX + 2
