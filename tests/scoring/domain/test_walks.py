"""Walks: where each member stands at dates is what deciding one after another comes to."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.program import Program, preset
from services.scoring.domain.errors import FrameInvalid
from services.scoring.domain.moves import Look
from services.scoring.domain.receipts import RunCause
from services.scoring.domain.terms import Term
from services.scoring.domain.tiers import Ladder, Standing, Step, decide
from services.scoring.domain.walks import INSTANT, JOINS, Walked, Walker, WalkFrame, matrices
from tests.scoring.builders import at_least, ladder_of

SPENT, LOGINS = "purchase.amount_minor.year", "login.count.lifetime"
FACTS = ("custom.count.7d", SPENT, LOGINS)
# The ends of months where the shop is, in Shanghai.
DATES = [datetime(2026, month, 1, 16, tzinfo=UTC) - timedelta(days=1) - INSTANT for month in range(2, 13)]


def a_ladder(
    movement: Mapping[str, Any], *, seasons: Sequence[Any] = (), variants: Sequence[Any] = ()
) -> Ladder:
    """Silver for 1,000 in the year or three logins, gold for 5,000; silver is kept with 500."""
    document = preset("ecommerce_five").document()
    (tier_set,) = document["tier_sets"]
    tier_set |= {"window": "year", "movement": movement, "seasons": seasons, "variants": variants}
    logins = {"metric": "logins", "op": ">=", "value": 3, "window": "lifetime"}
    asked = {
        "normal": {},
        "silver": {"entry": {"any": [at_least("spend", 1_000), logins]}, "keep": at_least("spend", 500)},
        "gold": {"entry": at_least("spend", 5_000)},
    }
    name = {"zh": "级", "en": "Tier"}
    tier_set["tiers"] = [{"key": key, "name": name, **terms} for key, terms in asked.items()]
    return ladder_of(Program.parse(document))


SEASON = {
    "key": "sale",
    "name": {"zh": "促", "en": "Sale"},
    "from_time": "2026-05-01T00:00:00+08:00",
    "to_time": "2026-07-01T00:00:00+08:00",
    "factor_bp": 5000,
}
MOVEMENTS: list[dict[str, Any]] = [
    {},
    {"downgrade": "period_end", "period": {"kind": "quarter"}, "grace_days": 20},
    {"downgrade": "step_down", "period": {"kind": "month"}, "upgrade": "scheduled"},
    {"downgrade": "period_end", "period": {"kind": "rolling", "months": 2}},
    {"downgrade": "step_down", "period": {"kind": "quarter"}, "review_gate": {"integrity_below": 5_000}},
]


def walked(
    ladder: Ladder,
    told: Sequence[Sequence[Sequence[float]]],
    *,
    standings: Sequence[Standing] | None = None,
    regions: Sequence[str] | None = None,
    dates: Sequence[datetime] = DATES,
    look: Look = Look.EVENT,
    facts: Sequence[str] = FACTS,
) -> Walked:
    """The walk of members, whose facts are told by date, member and name."""
    found, rows = Walked(), len(told[0])
    numbers = [np.array(each, np.float64).reshape(rows, len(facts)) for each in told]
    walk = Walker(ladder, facts, dates, look).walk(
        numbers, standings or [JOINS] * rows, regions or [""] * rows, found
    )
    for _ in walk:
        pass
    return found


def one_by_one(
    ladder: Ladder,
    told: Sequence[Mapping[str, int]],
    standing: Standing,
    look: Look,
    *,
    dates: Sequence[datetime] = DATES,
) -> list[tuple[str, str]]:
    """Tier and outcome of one member at each date, by decisions with receipts, reviews in their places."""
    found, before = [], None
    for date, facts in zip(dates, told, strict=True):
        outcome = "KEPT"
        for until, steps in ((date, True), (date + 2 * INSTANT, False)):
            while (time := standing.term.review_time) is not None and time < until:
                receipt = decide(ladder, standing, Step(RunCause("run"), time, facts, Look.REVIEW))
                standing, outcome = Standing(receipt.to_tier, receipt.as_of, receipt.term), receipt.outcome
            if steps and facts != before:
                asked = look if before is None else Look.EVENT
                receipt = decide(ladder, standing, Step(RunCause("run"), date, facts, asked))
                standing, outcome = Standing(receipt.to_tier, receipt.as_of, receipt.term), receipt.outcome
        found.append((standing.tier, outcome))
        before = facts
    return found


def known(row: Sequence[float]) -> dict[str, int]:
    """The facts of a row, without those that are not there."""
    return {name: int(value) for name, value in zip(FACTS, row, strict=True) if value == value}  # noqa: PLR0124


amounts = st.sampled_from([float("nan"), 0.0, 400.0, 600.0, 1_000.0, 5_000.0, 9_000.0])
logins = st.sampled_from([float("nan"), 1.0, 3.0])
members = st.lists(st.tuples(st.just(0.0), amounts, logins), min_size=len(DATES), max_size=len(DATES))
held = st.builds(
    Standing,
    st.sampled_from(["", "normal", "silver", "gold"]),
    term=st.builds(
        Term, st.sampled_from([None, DATES[0] - timedelta(days=9), DATES[3] + INSTANT]), st.booleans()
    ),
)


@settings(max_examples=40)
@given(
    st.sampled_from(MOVEMENTS),
    st.lists(st.tuples(members, held), min_size=1, max_size=6),
    st.sampled_from([Look.EVENT, Look.NEW_VERSION]),
    st.booleans(),
)
def test_a_walk_is_what_decisions_one_after_another_come_to(
    movement: dict[str, Any], stories: list[tuple[list[Any], Standing]], look: Look, in_season: bool
) -> None:
    ladder = a_ladder(movement, seasons=[SEASON] if in_season else [])
    told = [[story[place] for story, _ in stories] for place in range(len(DATES))]

    found = walked(ladder, told, standings=[standing for _, standing in stories], look=look)

    for row, (story, standing) in enumerate(stories):
        stood = [
            (ladder.tiers[ranks[row]].key, outcomes[row])
            for ranks, outcomes in zip(found.ranks, found.outcomes, strict=True)
        ]
        assert stood == one_by_one(ladder, [known(row) for row in story], standing, look)


def test_who_joins_has_the_tier_that_they_meet_at_the_first_date() -> None:
    found = walked(a_ladder({}), [[[0, 5_000, 0], [0, 0, 3], [0, 0, 0]]], dates=DATES[:1])

    assert list(found.ranks[0]) == [2, 1, 0]
    assert found.outcomes[0] == ["ENROLLED"] * 3


def test_a_review_between_two_dates_is_decided_by_the_later_one_and_counted() -> None:
    ladder = a_ladder({"downgrade": "period_end", "period": {"kind": "month"}})
    first, last = DATES[0], DATES[2]

    found = walked(ladder, [[[0, 5_000, 0]], [[0, 600, 0]]], dates=[first, last])

    # At the end of January it is kept; at the end of February it is looked at with what there was in March.
    assert [list(each) for each in found.ranks] == [[2], [1]]
    assert found.between == 1


def test_a_member_of_a_region_is_decided_by_its_rules() -> None:
    north = {
        "key": "north",
        "name": {"zh": "北", "en": "North"},
        "stores": ["harbin"],
        "tiers": {"gold": {"entry": at_least("spend", 2_000)}},
    }
    ladder = a_ladder({}, variants=[north])

    found = walked(ladder, [[[0, 2_000, 0], [0, 2_000, 0]]], dates=DATES[:1], regions=["north", ""])

    assert list(found.ranks[0]) == [2, 1]


def test_rules_that_read_nothing_that_is_told_leave_everybody_in_the_first_tier() -> None:
    found = walked(a_ladder({}), [[[1.0], [2.0]]], dates=DATES[:1], facts=("custom.count.7d",))

    assert list(found.ranks[0]) == [0, 0]


@pytest.mark.parametrize(
    ("dates", "problem"),
    [
        ([], "has 0 dates, the header names 1"),
        ([[b""]], "has 1 columns, the header names 2"),
        ([[bytes(8), bytes(7)]], "has 7 bytes, 1 rows take 8"),
        ([[bytes(8), np.array([0.5]).tobytes()]], "other numbers than whole ones"),
        ([[bytes(8), np.array([np.inf]).tobytes()]], "other numbers than whole ones"),
    ],
    ids=["a date too few", "a column too few", "a short column", "half a fact", "an endless fact"],
)
def test_a_frame_that_is_not_as_announced_is_refused(dates: list[list[bytes]], problem: str) -> None:
    frame = WalkFrame(7, 1, dates, {}, {})

    with pytest.raises(FrameInvalid) as refused:
        matrices(frame, ["a", "b"], 1)

    assert refused.value.facts["frame_id"] == 7
    assert problem in str(refused.value.facts["problem"])


def test_a_frame_of_too_many_numbers_is_refused_before_it_is_read() -> None:
    with pytest.raises(FrameInvalid) as refused:
        matrices(WalkFrame(1, 20_000, [[b""] * 50], {}, {}), ["a"] * 50, 1)

    assert "400000 are allowed" in str(refused.value.facts["problem"])
