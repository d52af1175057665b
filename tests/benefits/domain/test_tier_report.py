"""The report of tiers: which thresholds there are to be near to, and from which month on moves are told."""

from datetime import UTC, datetime

import pytest

from libs.common.program import Program, preset
from services.benefits.domain.tier_report import first_month, ranks, thresholds


def a_ladder(name: str, *, place: int, **tier: object) -> Program:
    """A preset with something else in one tier of its first tier set."""
    document = preset(name).document()
    document["tier_sets"][0]["tiers"][place] |= tier
    return Program.parse(document)


@pytest.mark.parametrize(
    ("months", "first"),
    [(1, "2026-02"), (2, "2026-01"), (3, "2025-12"), (14, "2025-01"), (15, "2024-12")],
    ids=["this one", "the year's first", "the year before", "its first", "two years before"],
)
def test_the_last_of_so_many_months_is_this_one(months: int, first: str) -> None:
    assert first_month(datetime(2026, 2, 28, tzinfo=UTC), months) == first


def test_a_label_and_a_threshold_of_nothing_are_near_to_nobody() -> None:
    entry = {
        "all": [
            {"segment": "rfm", "is": "high_value"},
            {"metric": "spend", "op": ">=", "value": 0},
            {"metric": "orders", "op": ">", "value": 3, "window": "90d"},
        ]
    }

    found = thresholds(a_ladder("music_store", place=4, entry=entry).tier_sets[0])

    assert [(each.path, each.fact, each.op, each.value) for each in found if each.tier == "diamond"] == [
        ("all[2]", "purchase.count.90d", ">", 3)
    ]


def test_a_tier_of_before_stands_where_what_replaces_it_stands() -> None:
    program = a_ladder("music_store", place=2, replaces=["golden", "old_gold"])

    found = ranks(program)["main"]

    assert (found["gold"], found["golden"], found["old_gold"], found["platinum"]) == (2, 2, 2, 3)
